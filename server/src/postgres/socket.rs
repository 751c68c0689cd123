//! How clients reach the cluster: a Unix socket in a folder of ours, or a loopback port where no path is short enough.

use std::{
    net::TcpListener,
    os::unix::{ffi::OsStrExt, net::UnixListener},
    path::{Path, PathBuf},
};

use super::{
    error::Error,
    folder::{Folder, short_hash},
};
use crate::{config::Place, privileges::private};

/// A socket address holds 108 bytes, the last of them a zero; some systems hold less.
const MAX_PATH_BYTES: usize = 103;
/// Part of the socket's file name; nothing listens on it over TCP.
pub(super) const SOCKET_PORT: u16 = 5432;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Address {
    Socket { folder: PathBuf, port: u16 },
    Port(u16),
}

impl Address {
    /// The first place that works: the cluster's own folder, the user's runtime folder, /tmp, a port.
    pub(super) fn choose(folder: &Folder, place: &Place) -> Result<Self, Error> {
        let short = format!("weft-{}", short_hash(&folder.root));
        let candidates = [
            Some(folder.root.join("run")),
            place.runtime_dir.as_ref().map(|runtime| runtime.join(&short)),
            Some(Path::new("/tmp").join(&short)),
        ];
        for candidate in candidates.into_iter().flatten() {
            let candidate = std::path::absolute(&candidate).map_err(Error::io("find", &candidate))?;
            if holds_sockets(&candidate) {
                return Ok(Self::Socket { folder: candidate, port: SOCKET_PORT });
            }
        }
        Ok(Self::Port(free_port()?))
    }

    /// The settings that make Postgres listen there and nowhere else.
    pub(super) fn settings(&self) -> Vec<String> {
        match self {
            Self::Socket { folder, port } => vec![
                "listen_addresses=".to_owned(),
                format!("unix_socket_directories={}", quoted(folder)),
                "unix_socket_permissions=0700".to_owned(),
                format!("port={port}"),
            ],
            Self::Port(port) => vec![
                "listen_addresses=127.0.0.1".to_owned(),
                "unix_socket_directories=".to_owned(),
                format!("port={port}"),
            ],
        }
    }

    pub(super) fn url(&self, database: &str, role: &str, password: &str) -> String {
        match self {
            Self::Socket { folder, port } => {
                format!("postgres://{role}:{password}@localhost:{port}/{database}?host={}", percent_encoded(folder))
            }
            Self::Port(port) => format!("postgres://{role}:{password}@127.0.0.1:{port}/{database}"),
        }
    }
}

/// Whether the folder can be made ours and takes a socket: its path may be too long, or its file system without sockets.
fn holds_sockets(folder: &Path) -> bool {
    let socket = folder.join(format!(".s.PGSQL.{SOCKET_PORT}"));
    if socket.as_os_str().len() > MAX_PATH_BYTES || private::folder(folder).is_err() {
        return false;
    }
    let probe = folder.join(".probe");
    let works = UnixListener::bind(&probe).is_ok();
    // Left by an earlier probe that was killed: then it did work.
    std::fs::remove_file(&probe).is_ok() || works
}

/// Postgres reads the setting as a list; a quoted entry may hold commas and spaces.
fn quoted(folder: &Path) -> String {
    format!("\"{}\"", folder.display().to_string().replace('"', "\"\""))
}

fn percent_encoded(path: &Path) -> String {
    use std::fmt::Write;
    path.as_os_str().as_bytes().iter().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"/-_.".contains(byte) {
            text.push(char::from(*byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

fn free_port() -> Result<u16, Error> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(Error::NoPort)?;
    Ok(listener.local_addr().map_err(Error::NoPort)?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_carries_any_folder_name() {
        let address = Address::Socket { folder: PathBuf::from("/data of mine/é?&"), port: 5432 };
        let url = address.url("weft", "ada", "secret");
        assert_eq!(url, "postgres://ada:secret@localhost:5432/weft?host=/data%20of%20mine/%C3%A9%3F%26");
        assert_eq!(Address::Port(15432).url("weft", "ada", "secret"), "postgres://ada:secret@127.0.0.1:15432/weft");
    }

    #[test]
    fn a_long_path_is_not_used_for_sockets() {
        let folder = tempfile::tempdir().unwrap();
        assert!(holds_sockets(&folder.path().join("run")));
        assert!(!holds_sockets(&folder.path().join("n".repeat(100))));
    }
}
