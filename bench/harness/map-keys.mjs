/**
 * Returns an object with the keys.
 *
 * @template {string} Key
 * @template Value
 * @param {readonly Key[]} keys
 * @param {(key: Key) => Value} valueFor
 */
export function mapKeys(keys, valueFor) {
	return /** @type {Record<Key, Value>} */ (Object.fromEntries(keys.map((key) => [key, valueFor(key)])));
}
