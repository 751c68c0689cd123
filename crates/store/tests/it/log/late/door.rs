//! A door to Postgres that holds back what clients send: a client may die meanwhile, and what it sent comes in later.
//! It must never change, drop or reorder a byte that was sent.

use std::{path::PathBuf, sync::Arc};

use sqlx::postgres::PgConnectOptions;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixListener, UnixStream},
    sync::watch,
    task::JoinHandle,
};
use uuid::Uuid;

trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// What of the traffic is to be seen from outside.
struct Traffic {
    is_held: watch::Sender<bool>,
    /// Clients whose bytes wait.
    n_waiting: watch::Sender<usize>,
    n_open: watch::Sender<usize>,
}

pub(super) struct Door {
    folder: PathBuf,
    traffic: Arc<Traffic>,
    listener: JoinHandle<()>,
}

impl Door {
    pub(super) fn to(postgres: &PgConnectOptions) -> Self {
        // Short: the address of a socket holds some hundred bytes.
        let folder = std::env::temp_dir().join(format!("weft-door-{:08x}", Uuid::now_v7().as_u128() & 0xffff_ffff));
        std::fs::create_dir(&folder).unwrap();
        let listener = UnixListener::bind(folder.join(format!(".s.PGSQL.{}", postgres.get_port()))).unwrap();
        let traffic = Arc::new(Traffic {
            is_held: watch::Sender::new(false),
            n_waiting: watch::Sender::new(0),
            n_open: watch::Sender::new(0),
        });
        let listener = tokio::spawn(listen(listener, postgres.clone(), Arc::clone(&traffic)));
        Self { folder, traffic, listener }
    }

    /// The way through the door.
    pub(super) fn through(&self, postgres: &PgConnectOptions) -> PgConnectOptions {
        postgres.clone().socket(&self.folder)
    }

    /// From now on nothing comes in.
    pub(super) fn hold(&self) {
        self.traffic.is_held.send_replace(true);
    }

    /// Once something stands before the door.
    pub(super) async fn is_awaited(&self) {
        self.traffic.n_waiting.subscribe().wait_for(|n| *n > 0).await.unwrap();
    }

    /// What waits comes in, and so does all that follows.
    pub(super) fn open(&self) {
        self.traffic.is_held.send_replace(false);
    }

    /// Once everybody is gone on both sides: whatever was sent has been done, or never will be.
    pub(super) async fn is_left(&self) {
        self.traffic.n_open.subscribe().wait_for(|n| *n == 0).await.unwrap();
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.listener.abort();
        // A folder that stays costs nothing.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

async fn listen(listener: UnixListener, postgres: PgConnectOptions, traffic: Arc<Traffic>) {
    while let Ok((client, _)) = listener.accept().await {
        let server: Box<dyn Wire> = match postgres.get_socket() {
            Some(folder) => {
                let socket = folder.join(format!(".s.PGSQL.{}", postgres.get_port()));
                Box::new(UnixStream::connect(socket).await.unwrap())
            }
            None => Box::new(TcpStream::connect((postgres.get_host(), postgres.get_port())).await.unwrap()),
        };
        traffic.n_open.send_modify(|n| *n += 1);
        tokio::spawn(carry(client, server, Arc::clone(&traffic)));
    }
}

async fn carry(client: UnixStream, server: Box<dyn Wire>, traffic: Arc<Traffic>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = tokio::io::split(server);
    let inwards = async {
        let mut bytes = vec![0; 1 << 16];
        // What a dead client sent before it died is read before its end.
        while let Ok(n @ 1..) = from_client.read(&mut bytes).await {
            traffic.n_waiting.send_modify(|n| *n += 1);
            // The sender is kept by whoever carries.
            let _ = traffic.is_held.subscribe().wait_for(|is_held| !is_held).await;
            traffic.n_waiting.send_modify(|n| *n -= 1);
            if to_server.write_all(&bytes[..n]).await.is_err() {
                return;
            }
        }
        // The server ends the session at its end.
        let _ = to_server.shutdown().await;
    };
    let outwards = async {
        let mut bytes = vec![0; 1 << 16];
        while let Ok(n @ 1..) = from_server.read(&mut bytes).await {
            // Nobody may be there to hear it: the server is not to notice.
            let _ = to_client.write_all(&bytes[..n]).await;
        }
        let _ = to_client.shutdown().await;
    };
    tokio::join!(inwards, outwards);
    traffic.n_open.send_modify(|n| *n -= 1);
}
