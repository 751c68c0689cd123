//! A run as a zip, written while it is sent: definition, inputs, the run, its events a line each, every version of every artifact, and
//! last what all of that is, with hashes. Must never hold more than one batch of it.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::body::Bytes;
use serde::Serialize;
use service::runs::Export;
use sha2::{Digest, Sha256};
use workflow::{ArtifactId, RunId, StepKey, view::ArtifactMeta};
use zip::{
    CompressionMethod, ZipWriter,
    write::{SimpleFileOptions, StreamWriter},
};

use super::{broken, names};

/// What the manifest says it is.
const FORMAT: &str = "weft-run";
const FORMAT_VERSION: u8 = 1;

/// Bytes of a large artifact that are written at a time.
const SLICE: usize = 1024 * 1024;

/// What comes next.
enum Place {
    Run,
    Events,
    Artifacts,
    Manifest,
    End,
}

pub(super) struct Archive {
    export: Export,
    place: Place,
    writer: Writer,
    n_artifacts: usize,
    open: Option<Open>,
    /// Of the events, which are written some at a time.
    events: Sha256,
    n_event_bytes: u64,
}

impl Archive {
    pub(super) fn of(export: Export) -> Self {
        Self {
            export,
            place: Place::Run,
            writer: Writer::new(),
            n_artifacts: 0,
            open: None,
            events: Sha256::new(),
            n_event_bytes: 0,
        }
    }

    /// The next bytes; none at the end.
    pub(super) async fn more(&mut self) -> io::Result<Option<Bytes>> {
        match self.place {
            Place::Run => self.run()?,
            Place::Events => self.some_events().await?,
            Place::Artifacts => self.some_artifacts().await?,
            Place::Manifest => self.manifest()?,
            Place::End => return Ok(None),
        }
        Ok(Some(self.writer.take()))
    }

    fn run(&mut self) -> io::Result<()> {
        let run = self.export.run();
        self.writer.put(names::DEFINITION, &serde_json::to_vec_pretty(&run.run_definition)?, None)?;
        self.writer.put(names::INPUTS, &serde_json::to_vec_pretty(&run.inputs)?, None)?;
        self.writer.put(names::RUN, &serde_json::to_vec(run)?, None)?;
        self.writer.begin(names::EVENTS)?;
        self.place = Place::Events;
        Ok(())
    }

    async fn some_events(&mut self) -> io::Result<()> {
        let events = self.export.events().await.map_err(|error| broken(&error))?;
        if events.is_empty() {
            let sha256 = hex::encode(std::mem::take(&mut self.events).finalize());
            self.writer.list(names::EVENTS.to_owned(), sha256, self.n_event_bytes, None);
            self.place = Place::Artifacts;
            return Ok(());
        }
        let mut lines = Vec::new();
        for event in &events {
            serde_json::to_writer(&mut lines, event)?;
            lines.push(b'\n');
        }
        self.events.update(&lines);
        self.n_event_bytes += lines.len() as u64;
        self.writer.add(&lines)
    }

    async fn some_artifacts(&mut self) -> io::Result<()> {
        if let Some(open) = self.open.take() {
            self.open = self.writer.go_on(open)?;
            return Ok(());
        }
        let contents = self.export.contents().await.map_err(|error| broken(&error))?;
        if contents.is_empty() {
            self.place = Place::Manifest;
            return Ok(());
        }
        let is_alone = contents.len() == 1;
        for (meta, bytes) in contents {
            self.n_artifacts += 1;
            let name = names::artifact(self.n_artifacts, &meta);
            let listed = Some(Listed::of(meta));
            if is_alone && bytes.len() > SLICE {
                self.writer.begin(&name)?;
                self.open = Some(Open { name, listed, bytes, at: 0 });
            } else {
                self.writer.put(&name, &bytes, listed)?;
            }
        }
        Ok(())
    }

    fn manifest(&mut self) -> io::Result<()> {
        let (run, files) = (self.export.run(), std::mem::take(&mut self.writer.files));
        let manifest = Manifest {
            format: FORMAT,
            version: FORMAT_VERSION,
            run: run.id,
            seq: run.seq,
            title: self.export.title(),
            files: &files,
        };
        self.writer.put(names::MANIFEST, &serde_json::to_vec_pretty(&manifest)?, None)?;
        self.place = Place::End;
        self.writer.end()
    }
}

/// A large artifact, of which so many bytes are written.
struct Open {
    name: String,
    listed: Option<Listed>,
    bytes: Vec<u8>,
    at: usize,
}

#[derive(Serialize)]
struct Manifest<'a> {
    format: &'static str,
    version: u8,
    run: RunId,
    /// The last event that all of it shows.
    seq: i64,
    title: &'a str,
    /// But for itself.
    files: &'a [File],
}

#[derive(Serialize)]
struct File {
    name: String,
    size: u64,
    sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact: Option<Listed>,
}

/// Which artifact a file is, in the words of the run.
#[derive(Serialize)]
struct Listed {
    id: ArtifactId,
    step: StepKey,
    name: String,
    version: i32,
    is_latest: bool,
    media_type: String,
}

impl Listed {
    fn of(meta: ArtifactMeta) -> Self {
        let ArtifactMeta { id, producing_step_id: step, name, version, is_latest, media_type, .. } = meta;
        Self { id, step, name, version, is_latest, media_type }
    }
}

/// The zip, of which everything that was written can be taken away.
struct Writer {
    /// None once it is finished.
    zip: Option<ZipWriter<StreamWriter<Pipe>>>,
    pipe: Pipe,
    files: Vec<File>,
}

impl Writer {
    fn new() -> Self {
        let pipe = Pipe::default();
        Self { zip: Some(ZipWriter::new_stream(pipe.clone())), pipe, files: Vec::new() }
    }

    /// One whole file.
    fn put(&mut self, name: &str, bytes: &[u8], artifact: Option<Listed>) -> io::Result<()> {
        self.begin(name)?;
        self.add(bytes)?;
        self.list(name.to_owned(), hex::encode(Sha256::digest(bytes)), bytes.len() as u64, artifact);
        Ok(())
    }

    fn begin(&mut self, name: &str) -> io::Result<()> {
        // Unpacked by whoever has it, and by nobody else; the same run gives the same bytes, so no time is told.
        let options =
            SimpleFileOptions::default().compression_method(CompressionMethod::Stored).unix_permissions(0o600);
        self.zip()?.start_file(name, options).map_err(io::Error::other)
    }

    fn add(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.zip()?.write_all(bytes)
    }

    /// Some more of a large file; what is left of it.
    fn go_on(&mut self, open: Open) -> io::Result<Option<Open>> {
        let Open { name, listed, bytes, at } = open;
        let end = bytes.len().min(at + SLICE);
        self.add(&bytes[at..end])?;
        if end < bytes.len() {
            return Ok(Some(Open { name, listed, bytes, at: end }));
        }
        self.list(name, hex::encode(Sha256::digest(&bytes)), bytes.len() as u64, listed);
        Ok(None)
    }

    fn list(&mut self, name: String, sha256: String, size: u64, artifact: Option<Listed>) {
        self.files.push(File { name, size, sha256, artifact });
    }

    fn end(&mut self) -> io::Result<()> {
        match self.zip.take() {
            Some(zip) => zip.finish().map(drop).map_err(io::Error::other),
            None => Ok(()),
        }
    }

    fn zip(&mut self) -> io::Result<&mut ZipWriter<StreamWriter<Pipe>>> {
        self.zip.as_mut().ok_or_else(|| io::Error::other("the archive is finished"))
    }

    fn take(&mut self) -> Bytes {
        Bytes::from(std::mem::take(&mut *self.pipe.bytes()))
    }
}

/// What was written and not sent yet.
#[derive(Clone, Default)]
struct Pipe(Arc<Mutex<Vec<u8>>>);

impl Pipe {
    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use zip::ZipArchive;

    use super::*;

    #[test]
    fn what_is_taken_away_piece_by_piece_is_one_archive() {
        let mut writer = Writer::new();
        let mut bytes = Vec::new();
        writer.put("a.txt", b"one", None).unwrap();
        bytes.extend_from_slice(&writer.take());
        assert!(!bytes.is_empty() && writer.take().is_empty(), "it is taken once");
        writer.begin("b.txt").unwrap();
        for _ in 0..1_000 {
            writer.add(&[b'x'; 1_000]).unwrap();
            bytes.extend_from_slice(&writer.take());
        }
        writer.begin("c.txt").unwrap();
        let mut open = Some(Open { name: "c.txt".into(), listed: None, bytes: vec![b'y'; 5 * SLICE / 2], at: 0 });
        let mut n_slices = 0;
        while let Some(rest) = open.take() {
            open = writer.go_on(rest).unwrap();
            n_slices += 1;
            let slice = writer.take();
            assert!(slice.len() <= SLICE + 1024, "{}", slice.len());
            bytes.extend_from_slice(&slice);
        }
        assert_eq!(n_slices, 3);
        writer.put("empty.txt", b"", None).unwrap();
        writer.end().unwrap();
        bytes.extend_from_slice(&writer.take());
        let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
        let mut read = |name: &str| {
            let mut text = String::new();
            archive.by_name(name).unwrap().read_to_string(&mut text).unwrap();
            text
        };
        assert_eq!((read("a.txt").as_str(), read("b.txt").len(), read("empty.txt").len()), ("one", 1_000_000, 0));
        assert_eq!(read("c.txt"), "y".repeat(5 * SLICE / 2));
        assert_eq!(writer.files[0].sha256, hex::encode(Sha256::digest(b"one")));
        assert!(writer.begin("more.txt").is_err());
    }
}
