//! WTF-8: ids and URIs as bytes.
//!
//! JavaScript strings are UTF-16 and may contain lone surrogates, which UTF-8 cannot express. WTF-8 is UTF-8 that writes a
//! lone surrogate as the three bytes of its code point, so different ids stay different.

const SURROGATES: std::ops::Range<u32> = 0xD800..0xE000;

/// Encodes UTF-16 code units.
pub fn encode(units: &[u16]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(units.len());
    for unit in char::decode_utf16(units.iter().copied()) {
        match unit {
            Ok(character) => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            Err(lone) => {
                let unit = lone.unpaired_surrogate();
                bytes.extend([0xE0 | (unit >> 12) as u8, continuation(unit >> 6), continuation(unit)]);
            }
        }
    }
    bytes
}

/// Decodes WTF-8. Returns `None` for bytes that are not valid.
pub fn decode(bytes: &[u8]) -> Option<Box<[u16]>> {
    let mut units = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    loop {
        let (text, invalid) = match str::from_utf8(rest) {
            Ok(text) => (text, &[][..]),
            Err(error) => {
                let (valid, invalid) = rest.split_at(error.valid_up_to());
                (str::from_utf8(valid).ok()?, invalid)
            }
        };
        units.extend(text.encode_utf16());
        let [first, second, third, after @ ..] = invalid else {
            return invalid.is_empty().then(|| units.into());
        };
        units.push(surrogate([*first, *second, *third])?);
        rest = after;
    }
}

/// Returns a JSON array of strings. Lone surrogates are written as escapes.
pub fn json_array<Text: AsRef<[u16]>>(texts: &[Text]) -> String {
    let mut json = String::from("[");
    for text in texts {
        json.push_str(if json.len() > 1 { ",\"" } else { "\"" });
        for unit in char::decode_utf16(text.as_ref().iter().copied()) {
            match unit {
                Ok(character @ (' '..='~')) if character != '"' && character != '\\' => json.push(character),
                Ok(character) => {
                    character.encode_utf16(&mut [0; 2]).iter().for_each(|unit| escape(*unit, &mut json));
                }
                Err(lone) => escape(lone.unpaired_surrogate(), &mut json),
            }
        }
        json.push('"');
    }
    json.push(']');
    json
}

fn escape(unit: u16, json: &mut String) {
    json.push_str(&format!("\\u{unit:04x}"));
}

fn continuation(bits: u16) -> u8 {
    0x80 | (bits & 0x3F) as u8
}

fn surrogate([first, second, third]: [u8; 3]) -> Option<u16> {
    let is_continued = second & 0xC0 == 0x80 && third & 0xC0 == 0x80;
    let code = u32::from(first & 0x0F) << 12 | u32::from(second & 0x3F) << 6 | u32::from(third & 0x3F);
    (first & 0xF0 == 0xE0 && is_continued && SURROGATES.contains(&code)).then_some(code as u16)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_units_decode_to_themselves(units: Vec<u16>) {
            let back = decode(&encode(&units));
            prop_assert_eq!(back.as_deref(), Some(&units[..]));
        }

        #[test]
        fn text_is_encoded_as_utf8(text: String) {
            prop_assert_eq!(encode(&text.encode_utf16().collect::<Vec<_>>()), text.into_bytes());
        }

        #[test]
        fn an_array_of_texts_is_json(texts: Vec<String>) {
            let units: Vec<Vec<u16>> = texts.iter().map(|text| text.encode_utf16().collect()).collect();
            prop_assert_eq!(serde_json::from_str::<Vec<String>>(&json_array(&units)).unwrap(), texts);
        }

        #[test]
        fn any_bytes_are_decoded_or_refused_without_a_panic(bytes: Vec<u8>) {
            decode(&bytes);
        }
    }

    #[test]
    fn a_lone_surrogate_is_an_escape_in_json() {
        assert_eq!(json_array(&[&[0x61, 0xD800][..], &[]]), r#"["a\ud800",""]"#);
    }

    #[test]
    fn bytes_that_are_neither_text_nor_a_surrogate_are_refused() {
        for bytes in [&b"\xFF"[..], b"a\xED\xA0", b"\xED\xA0\x40", b"\xF8\x80\x80\x80", b"\xC0\x80\x80"] {
            assert_eq!(decode(bytes), None, "{bytes:?}");
        }
    }
}
