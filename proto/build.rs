//! Generates the wire types from `proto/` with the protoc that comes as a crate, so that no machine needs one installed.

use std::error::Error;

const FILES: [&str; 5] = ["command", "ids", "manifest", "state", "table"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let files = FILES.map(|name| format!("proto/k2i/replicated/v1/{name}.proto"));
    let mut config = prost_build::Config::new();
    config.protoc_executable(protoc_bin_vendored::protoc_bin_path()?);
    config.compile_protos(&files, &["proto"])?;
    Ok(())
}
