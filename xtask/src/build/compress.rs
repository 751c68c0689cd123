//! Brotli beside every file of the site that gains from it, so that the server never compresses them.

use super::{Site, stamp::Stamps};
use crate::context::Context;
use anyhow::{Context as _, Result};
use std::path::PathBuf;

/// The slowest and smallest: done once for each change, sent to every visitor.
const QUALITY: i32 = 11;
/// A response this small is not worth a second variant.
const SMALLEST: usize = 512;

pub(super) fn add_brotli(context: &Context, files: &mut Site) -> Result<()> {
    let mut stamps = Stamps::open(context, "brotli");
    let mut compressed = Vec::new();
    for (path, content) in files.iter() {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if content.len() < SMALLEST || is_compressed_already(extension) {
            continue;
        }
        let result = stamps.result(&[b"brotli", content], || brotli(content))?;
        compressed.push((PathBuf::from(format!("{}.br", path.display())), result));
    }
    files.extend(compressed);
    stamps.forget_unused();
    Ok(())
}

fn is_compressed_already(extension: &str) -> bool {
    ["woff2", "woff", "png", "jpg", "jpeg", "webp", "avif", "gz", "br"].contains(&extension)
}

fn brotli(content: &[u8]) -> Result<Vec<u8>> {
    let parameters =
        brotli::enc::BrotliEncoderParams { quality: QUALITY, size_hint: content.len(), ..Default::default() };
    let mut result = Vec::new();
    brotli::BrotliCompress(&mut &content[..], &mut result, &parameters).context("brotli failed")?;
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compressed_file_decompresses_to_itself() {
        let content = b"a line that repeats\n".repeat(200);
        let compressed = brotli(&content).unwrap();
        assert!(compressed.len() * 10 < content.len());
        let mut back = Vec::new();
        brotli::BrotliDecompress(&mut &compressed[..], &mut back).unwrap();
        assert_eq!(back, content);
    }
}
