//! Rebuilds the server when a file of the site appears or disappears; the compiler itself only sees files that were there.

fn main() {
    println!("cargo::rerun-if-changed=../target/site");
    println!("cargo::rerun-if-changed=build.rs");
}
