//! One cluster in use: made when missing, started or adopted, stopped by whoever leaves last.
//! Everything here blocks; async callers use `spawn_blocking`.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use nix::unistd::geteuid;

use super::{
    error::Error,
    folder::Folder,
    initdb::{APPLICATION, DATABASE, OWNER, initialise},
    locks::{self, Use},
    pid_file::PidFile,
    programs::{LEAST_VERSION, Programs},
    server::{Server, wait_while_changing},
    socket::Address,
    supervisor::Supervisor,
};
use crate::{
    config::{DatabaseUrl, Place},
    privileges::private,
};

/// A cluster in use by this process. Dropping it gives it back, and stops it if nobody else uses it.
pub struct Cluster {
    server: Arc<Server>,
    supervisor: Option<Supervisor>,
    used: Option<Use>,
    url: DatabaseUrl,
    owner_url: DatabaseUrl,
}

impl Cluster {
    /// Attaches to the folder's live cluster, or makes and starts one.
    pub fn open(place: &Place) -> Result<Self, Error> {
        if geteuid().is_root() {
            return Err(Error::Root);
        }
        private::data_folder(&place.data_dir)?;
        let data_dir = place.data_dir.canonicalize().map_err(Error::io("find", &place.data_dir))?;
        let gate = locks::gate(&data_dir)?;
        let used = Use::begin(&data_dir)?;
        let folder = Folder::open(&data_dir)?;
        let programs = choose_programs(place, &folder)?;
        folder.check_space()?;
        if folder.version().is_none() {
            initialise(&folder, &programs)?;
        }
        let live = wait_while_changing(&folder);
        let address = match live.as_ref().and_then(address_of) {
            Some(address) => address,
            None => Address::choose(&folder, place)?,
        };
        let server = Server { data_dir, folder, programs, address, child: Mutex::new(None) };
        if live.is_none() {
            server.start()?;
        } else {
            tracing::debug!("using the Postgres that runs in {}", server.folder.root.display());
        }
        drop(gate);
        let url = |role: &str, path: PathBuf| {
            let password = fs::read_to_string(&path).map_err(Error::io("read", path))?;
            Ok::<_, Error>(DatabaseUrl::new(server.address.url(DATABASE, role, password.trim())))
        };
        let (url, owner_url) =
            (url(APPLICATION, server.folder.password())?, url(OWNER, server.folder.owner_password())?);
        Ok(Self { server: Arc::new(server), supervisor: None, used: Some(used), url, owner_url })
    }

    pub fn data_dir(&self) -> &Path {
        &self.server.data_dir
    }

    /// The same database as the owner of its tables.
    pub fn owner_url(&self) -> &DatabaseUrl {
        &self.owner_url
    }

    pub fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// From now on a Postgres that dies is started again, with growing pauses.
    pub fn supervise(&mut self) {
        if self.supervisor.is_none() {
            self.supervisor = Some(Supervisor::start(Arc::clone(&self.server)));
        }
    }
}

#[cfg(test)]
impl Cluster {
    /// Leaves as a server does that is killed: nothing is stopped.
    pub(super) fn abandon(mut self) {
        self.used = None;
        drop(self.server.child.lock().unwrap().take());
    }

    pub(super) fn pid(&self) -> i32 {
        PidFile::read_live(&self.server.folder.data()).unwrap().pid
    }

    pub(super) fn root(&self) -> PathBuf {
        self.server.folder.root.clone()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(supervisor) = self.supervisor.take() {
            supervisor.stop();
        }
        let Some(used) = self.used.take() else { return };
        // Without the gate another process could attach to what is being stopped; then it is left running.
        let Ok(_gate) = locks::gate(&self.server.data_dir) else { return };
        if used.end() {
            self.server.stop();
        }
    }
}

/// The version that made the data, else the newest.
fn choose_programs(place: &Place, folder: &Folder) -> Result<Programs, Error> {
    let mut found = Programs::find_all(&place.search_path);
    let Some(newest) = found.keys().next_back().copied() else {
        return Err(Error::NoPrograms { least: LEAST_VERSION });
    };
    let wanted = folder.version().unwrap_or(newest);
    found.remove(&wanted).ok_or_else(|| Error::WrongVersion {
        folder: folder.data(),
        made_by: wanted,
        found: found.keys().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    })
}

fn address_of(file: &PidFile) -> Option<Address> {
    let port = file.port?;
    Some(match &file.socket_folder {
        Some(folder) => Address::Socket { folder: folder.clone(), port },
        None => Address::Port(port),
    })
}
