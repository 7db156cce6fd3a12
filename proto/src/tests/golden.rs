//! The format stays: the bytes of `golden/v1` are written and read as they are, by us and by Google's protoc.
//!
//! `K2I_UPDATE=1` writes them anew. A `.bin` file that was in a release must not change: what was written under it
//! could no longer be read. The `.txt` beside it is protoc's text form of it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};

use super::examples;
use crate::{command, decode_command, decode_state, encode_command, encode_state};

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/proto");

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/v1")
}

fn updating() -> bool {
    std::env::var_os("K2I_UPDATE").is_some_and(|value| value == "1")
}

/// One golden pair: `bytes` is what we write now.
fn check(name: &str, message: &str, bytes: &[u8]) {
    let (bin, txt) = (folder().join(format!("{name}.bin")), folder().join(format!("{name}.txt")));
    if updating() {
        fs::create_dir_all(folder()).unwrap();
        fs::write(&bin, bytes).unwrap();
        fs::write(&txt, protoc("decode", message, &bin)).unwrap();
    }
    let golden = fs::read(&bin).unwrap_or_else(|error| panic!("{}: {error}; K2I_UPDATE=1 writes it", bin.display()));
    assert!(golden == bytes, "the encoding of {name} changed: what was written before could no longer be read");
    let text = String::from_utf8(protoc("decode", message, &bin)).unwrap();
    assert_eq!(text, fs::read_to_string(&txt).unwrap(), "protoc reads {name}.bin otherwise than {name}.txt says");
    assert!(protoc("encode", message, &txt) == golden, "protoc writes {name}.txt otherwise than we do");
}

fn protoc(action: &str, message: &str, input: &Path) -> Vec<u8> {
    let output = Process::new(protoc_bin_vendored::protoc_bin_path().unwrap())
        .arg(format!("--{action}=k2i.replicated.v1.{message}"))
        .args(["-I", SOURCES, "k2i/replicated/v1/command.proto", "k2i/replicated/v1/state.proto"])
        .stdin(Stdio::from(File::open(input).unwrap()))
        .output()
        .unwrap();
    assert!(output.status.success(), "protoc: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn commands_are_as_they_were() {
    for example in examples::commands() {
        let name = command::name(&example);
        check(name, "Command", &encode_command(&example));
        assert_eq!(decode_command(&fs::read(folder().join(format!("{name}.bin"))).unwrap()).unwrap(), example);
    }
}

#[test]
fn the_state_is_as_it_was() {
    check("state", "Snapshot", &encode_state(&examples::state()));
    assert_eq!(decode_state(&fs::read(folder().join("state.bin")).unwrap()).unwrap(), examples::state());
}

#[test]
fn every_variant_has_one_example() {
    let variants: Vec<&str> = examples::commands().iter().map(examples::variant).collect();
    assert_eq!(variants, examples::VARIANTS);
}

#[test]
fn every_command_of_the_format_has_golden_files_and_nothing_else_has() {
    let mut expected: BTreeSet<String> = commands_in_proto().into_iter().collect();
    let examples: BTreeSet<String> = examples::commands().iter().map(|c| command::name(c).to_owned()).collect();
    assert_eq!(expected, examples);
    expected.insert("state".to_owned());
    for ending in ["bin", "txt"] {
        assert_eq!(golden_files(ending), expected, "golden files ending in .{ending}");
    }
}

/// The field names of the oneof in `command.proto`.
fn commands_in_proto() -> Vec<String> {
    let text = fs::read_to_string(Path::new(SOURCES).join("k2i/replicated/v1/command.proto")).unwrap();
    let (_, rest) = text.split_once("oneof command {").unwrap();
    let (body, _) = rest.split_once('}').unwrap();
    body.lines().filter_map(|line| line.split_whitespace().nth(1)).map(str::to_owned).collect()
}

fn golden_files(ending: &str) -> BTreeSet<String> {
    let paths = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let these = paths.filter(|path| path.extension().is_some_and(|found| found == ending));
    these.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}
