//! How does the API become Rust? protox compiles it (no protoc to install), tonic-prost-build writes the code.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use prost::Message;

const API: &str = "../../proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={API}");
    let files = proto_files(&Path::new(API).join("tokka/v1"))?;
    let mut compiler = protox::Compiler::new([API])?;
    compiler.include_imports(true).include_source_info(true).open_files(files)?;

    // Reflection serves the same set that the code is made of, comments too.
    let descriptors = compiler.file_descriptor_set();
    let out = env::var("OUT_DIR")?;
    fs::write(Path::new(&out).join("tokka.v1.bin"), descriptors.encode_to_vec())?;

    // Maps in order: the same request is then read, refused and hashed in the same way every time.
    tonic_prost_build::configure().btree_map(".").compile_fds(descriptors)?;
    Ok(())
}

/// The API's files, in order, so that the descriptor set does not depend on the directory's order.
fn proto_files(folder: &Path) -> Result<Vec<std::path::PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
