//! Brotli beside every file of the site that gains from it, so that the server never compresses them.

use super::{Site, stamp::Stamps};
use crate::context::Context;
use anyhow::{Context as _, Result, anyhow};
use std::{
    cmp::Reverse,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

/// The slowest and smallest: done once for each change, sent to every visitor.
const QUALITY: i32 = 11;
/// A response this small is not worth a second variant.
const SMALLEST: usize = 512;

pub(super) fn add_brotli(context: &Context, files: &mut Site) -> Result<()> {
    let stamps = Stamps::open(context, "brotli");
    let mut wanted: Vec<_> = files.iter().filter(|(path, content)| gains(path, content)).collect();
    // The largest first, so that none of the threads is left with one at the end.
    wanted.sort_by_key(|(_, content)| Reverse(content.len()));
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(PathBuf, Vec<u8>)>> {
        let mut done = Vec::new();
        while let Some((path, content)) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
            let result = stamps.result(&[b"brotli", content], || brotli(content))?;
            done.push((PathBuf::from(format!("{}.br", path.display())), result));
        }
        Ok(done)
    };
    let n_threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let mut compressed = Vec::new();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..n_threads).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            compressed.extend(thread.join().map_err(|_| anyhow!("brotli panicked"))??);
        }
        anyhow::Ok(())
    })?;
    files.extend(compressed);
    stamps.forget_unused();
    Ok(())
}

fn gains(path: &Path, content: &[u8]) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    content.len() >= SMALLEST && !is_compressed_already(extension)
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
