//! The rooms of `src/` and the direction of imports between them.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms from bottom to top. A room may import rooms to its left.
const ROOMS: [&str; 6] = ["registry", "sockets", "threads", "backplane", "hub", "binding"];

#[test]
fn a_room_imports_only_rooms_below_it() {
    let mut upward = Vec::new();
    for (floor, room) in ROOMS.iter().enumerate() {
        for file in files_below(&Path::new("src").join(room)) {
            for imported in rooms_named_in(&code_of(&file)) {
                if ROOMS.iter().position(|known| *known == imported).is_none_or(|below| below > floor) {
                    upward.push(format!("{} imports crate::{imported}", file.display()));
                }
            }
        }
    }
    assert_eq!(upward, Vec::<String>::new());
}

#[test]
fn only_the_binding_names_napi() {
    let naming: Vec<_> = files_below(Path::new("src"))
        .into_iter()
        .filter(|file| !file.starts_with("src/binding") && code_of(file).contains("napi"))
        .collect();
    assert_eq!(naming, Vec::<PathBuf>::new());
}

#[test]
fn each_folder_of_src_is_a_room_of_this_list() {
    let mut folders: Vec<_> = fs::read_dir("src")
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    folders.sort();
    let mut rooms = ROOMS.to_vec();
    rooms.sort_unstable();
    assert_eq!(folders, rooms);
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// Returns the text of a file without its comments, which may mention any room.
fn code_of(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Returns the rooms of all paths that begin with `crate::`.
fn rooms_named_in(code: &str) -> Vec<String> {
    let name = |path: &str| path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    code.split("crate::").skip(1).map(name).collect()
}
