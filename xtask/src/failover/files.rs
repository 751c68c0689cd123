//! The files of two nodes, etcd and `HAProxy`: what each reads, where each writes, and how each is started.
//! Whoever starts them may be root; none of them is. Everything listens on this machine alone, and nobody gets into a Postgres without the
//! password that was made for it: passwords stand in files of the one user that runs them, never in an argument.

use crate::{
    account::Account,
    postgres::{Binaries, create_folder, parent_folder, random_hex},
    setup::failover::Programs,
    shell::{find_on_path, say},
};
use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use std::{
    ffi::OsString,
    fs,
    net::TcpListener,
    os::unix::fs::{PermissionsExt, lchown},
    path::{Path, PathBuf},
};

const PREFIX: &str = "weft-failover-";
const NODES: [&str; 2] = ["a", "b"];
/// Whom the product is to Postgres: it may make databases, and nothing else.
const ROLE: &str = "weft_failover";
const SCOPE: &str = "weft";

pub(super) struct Files {
    folder: PathBuf,
    password: String,
    /// Where `HAProxy` listens.
    port: u16,
    programs: PathBuf,
    plan: Value,
}

/// Free ones of this machine.
struct Ports {
    etcd: u16,
    peers: u16,
    haproxy: u16,
    postgres: [u16; 2],
    rest: [u16; 2],
}

impl Ports {
    /// Held all at once, so that none comes twice; somebody else could take one before it is used, which its log then says.
    fn find() -> Result<Self> {
        let held = (0..7).map(|_| TcpListener::bind(("127.0.0.1", 0))).collect::<std::io::Result<Vec<TcpListener>>>();
        let held = held.context("no free port")?;
        let mut ports = Vec::new();
        for listener in &held {
            ports.push(listener.local_addr().context("a port has no number")?.port());
        }
        let [etcd, peers, haproxy, first, second, rest_of_first, rest_of_second] = ports[..] else {
            anyhow::bail!("seven ports are wanted, and there are {}", ports.len())
        };
        Ok(Self { etcd, peers, haproxy, postgres: [first, second], rest: [rest_of_first, rest_of_second] })
    }
}

/// Of the roles that Patroni makes and uses.
struct Passwords {
    superuser: String,
    replication: String,
    rewind: String,
    product: String,
}

impl Files {
    pub(super) fn make(binaries: &Binaries, programs: &Programs) -> Result<Self> {
        let (account, ports) = (Account::for_server()?, Ports::find()?);
        let passwords = Passwords {
            superuser: random_hex()?,
            replication: random_hex()?,
            rewind: random_hex()?,
            product: random_hex()?,
        };
        let random = random_hex()?;
        let name = format!("{PREFIX}{}.{}", std::process::id(), random.get(..8).unwrap_or_default());
        let folder = parent_folder().join(name);
        create_folder(&folder, 0o755)?;
        let (nodes, logs) = (folder.join("nodes"), folder.join("logs"));
        create_folder(&logs, 0o755)?;
        create_folder(&nodes, 0o700)?;
        let starts = |program: &Path, arguments: &[&str]| words(account.as_ref(), program, arguments);
        let mut planned = Vec::new();
        for (n, name) in NODES.into_iter().enumerate() {
            let file = nodes.join(format!("{name}.yml"));
            let patroni = starts(&programs.patroni, &[path(&file)?])?;
            // JSON is YAML.
            let settings = node(name, &nodes, binaries.folder(), &ports, n, &passwords);
            write(&file, &settings.to_string())?;
            let data = nodes.join(name);
            planned.push(json!({"name": name, "patroni": patroni, "rest": ports.rest[n], "data": data}));
        }
        let haproxy = nodes.join("haproxy.cfg");
        write(&haproxy, &way(&ports))?;
        give(account.as_ref(), &nodes)?;
        let data = nodes.join("etcd");
        let (client, peer) = (format!("http://127.0.0.1:{}", ports.etcd), format!("http://127.0.0.1:{}", ports.peers));
        let only = format!("{SCOPE}={peer}");
        let etcd = [
            ["--name", SCOPE],
            ["--data-dir", path(&data)?],
            ["--listen-client-urls", client.as_str()],
            ["--advertise-client-urls", client.as_str()],
            ["--listen-peer-urls", peer.as_str()],
            ["--initial-advertise-peer-urls", peer.as_str()],
            ["--initial-cluster", only.as_str()],
            ["--log-level", "warn"],
        ]
        .concat();
        let plan = json!({
            "etcd": starts(&programs.etcd, &etcd)?,
            "haproxy": starts(&programs.haproxy, &["-db", "-f", path(&haproxy)?])?,
            "nodes": planned, "folder": nodes, "logs": logs,
        });
        let programs = binaries.folder().to_owned();
        Ok(Self { folder, password: passwords.product, port: ports.haproxy, programs, plan })
    }

    /// What `bench` has to know. It holds the product's password.
    pub(super) fn environment(&self) -> Result<Vec<(&'static str, OsString)>> {
        let plan = serde_json::to_string(&self.plan).context("the plan is no JSON")?;
        Ok(vec![
            ("PGHOST", "127.0.0.1".into()),
            ("PGPORT", self.port.to_string().into()),
            ("PGUSER", ROLE.into()),
            ("PGPASSWORD", self.password.clone().into()),
            ("WEFT_BENCH_PROGRAMS", self.programs.clone().into()),
            ("WEFT_FAILOVER_PLAN", plan.into()),
        ])
    }

    /// All but the logs where it did not end well, which are named then.
    pub(super) fn remove(self, is_well: bool) {
        if is_well {
            let _ = fs::remove_dir_all(&self.folder);
        } else {
            let _ = fs::remove_dir_all(self.folder.join("nodes"));
            say(format!("what each of them said is in {}", self.folder.join("logs").display()));
        }
    }
}

/// What Patroni reads on a node. With `synchronous_mode_strict` a primary without a standby answers no write: nothing that was
/// acknowledged is on one node alone.
fn node(name: &str, folder: &Path, binaries: &Path, ports: &Ports, n: usize, passwords: &Passwords) -> Value {
    let (listen, rest) = (format!("127.0.0.1:{}", ports.postgres[n]), format!("127.0.0.1:{}", ports.rest[n]));
    json!({
        "scope": SCOPE,
        "name": name,
        "restapi": {"listen": rest, "connect_address": rest},
        "etcd3": {"host": format!("127.0.0.1:{}", ports.etcd)},
        "bootstrap": {
            "dcs": {
                // A machine that is gone is noticed after this long; the least that Patroni's documents advise.
                "ttl": 20, "loop_wait": 2, "retry_timeout": 5,
                "maximum_lag_on_failover": 1_048_576,
                // A primary that crashed gives its place up at once.
                "primary_start_timeout": 0,
                "synchronous_mode": true, "synchronous_mode_strict": true,
                "postgresql": {
                    "use_pg_rewind": true, "use_slots": true,
                    "parameters": {"max_connections": 300, "wal_log_hints": "on"},
                },
            },
            "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, "data-checksums"],
            "users": {ROLE: {"password": passwords.product, "options": ["createdb"]}},
        },
        "postgresql": {
            "listen": listen, "connect_address": listen,
            "data_dir": folder.join(name), "bin_dir": binaries, "pgpass": folder.join(format!("{name}.pgpass")),
            "authentication": {
                "superuser": {"username": "postgres", "password": passwords.superuser},
                "replication": {"username": "replicator", "password": passwords.replication},
                "rewind": {"username": "rewinder", "password": passwords.rewind},
            },
            "parameters": {"unix_socket_directories": folder, "shared_buffers": "128MB"},
            "pg_hba": [
                "local all all scram-sha-256",
                "host all all 127.0.0.1/32 scram-sha-256",
                "host replication replicator 127.0.0.1/32 scram-sha-256",
            ],
            "remove_data_directory_on_rewind_failure": true,
            "remove_data_directory_on_diverged_timelines": true,
        },
    })
}

/// To whoever says by Patroni that it is the primary. Who is not any more loses its lines at once.
fn way(ports: &Ports) -> String {
    let servers = (0..NODES.len())
        .map(|n| format!("    server {} 127.0.0.1:{} check port {}\n", NODES[n], ports.postgres[n], ports.rest[n]));
    let servers = servers.collect::<Vec<_>>().concat();
    let lines = [
        "global",
        "    maxconn 2000",
        "defaults",
        "    mode tcp",
        "    timeout connect 2s",
        "    timeout check 2s",
        "    timeout client 1h",
        "    timeout server 1h",
        "listen primary",
        &format!("    bind 127.0.0.1:{}", ports.haproxy),
        "    option httpchk OPTIONS /primary",
        "    http-check expect status 200",
        "    default-server inter 500ms fall 2 rise 1 on-marked-down shutdown-sessions",
        &servers,
    ];
    lines.join("\n")
}

/// A command that is the account's, and is asked to end when its parent dies.
fn words(account: Option<&Account>, program: &Path, arguments: &[&str]) -> Result<Vec<String>> {
    let setpriv = find_on_path("setpriv").context("setpriv is missing, which is in the package util-linux")?;
    let mut words = vec![path(&setpriv)?.to_owned()];
    if let Some(Account { uid, gid }) = account {
        words.extend([format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".to_owned()]);
    }
    words.extend(["--pdeathsig=TERM".to_owned(), "--".to_owned(), path(program)?.to_owned()]);
    words.extend(arguments.iter().map(|word| (*word).to_owned()));
    Ok(words)
}

fn path(of: &Path) -> Result<&str> {
    of.to_str().with_context(|| format!("{} has no name in UTF-8", of.display()))
}

/// In a folder that nobody else may enter.
fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text)
        .and_then(|()| fs::set_permissions(file, fs::Permissions::from_mode(0o600)))
        .with_context(|| format!("cannot write {}", file.display()))
}

/// The folder and what was written into it.
fn give(account: Option<&Account>, folder: &Path) -> Result<()> {
    let Some(account) = account else { return Ok(()) };
    let inside = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let inside = inside.filter_map(Result::ok).map(|entry| entry.path());
    for path in inside.chain([folder.to_owned()]) {
        lchown(&path, Some(account.uid), Some(account.gid))
            .with_context(|| format!("cannot give {} to the Postgres user", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn programs() -> Programs {
        Programs {
            patroni: "/usr/bin/patroni".into(),
            etcd: "/usr/bin/etcd".into(),
            haproxy: "/usr/sbin/haproxy".into(),
        }
    }

    #[test]
    fn passwords_stand_in_files_of_their_owner_and_in_no_argument() {
        use std::os::unix::fs::MetadataExt;
        let files = Files::make(&Binaries::find().unwrap(), &programs()).unwrap();
        let nodes = files.folder.join("nodes");
        let text = fs::read_to_string(nodes.join("a.yml")).unwrap();
        assert!(text.contains(&files.password) && text.contains("\"synchronous_mode_strict\":true"), "{text}");
        assert!(!files.plan.to_string().contains(&files.password));
        let settings: Value = serde_json::from_str(&text).unwrap();
        let superuser = settings["postgresql"]["authentication"]["superuser"]["password"].as_str().unwrap();
        assert!(!files.plan.to_string().contains(superuser));
        for file in ["a.yml", "b.yml"] {
            assert_eq!(fs::metadata(nodes.join(file)).unwrap().mode() & 0o777, 0o600);
        }
        assert_eq!(fs::metadata(&nodes).unwrap().mode() & 0o777, 0o700);
        let folder = files.folder.clone();
        files.remove(true);
        assert!(!folder.exists());
    }

    #[test]
    fn the_way_leads_to_whoever_is_primary_by_patroni() {
        let ports = Ports { etcd: 1, peers: 2, haproxy: 3, postgres: [4, 5], rest: [6, 7] };
        let way = way(&ports);
        assert!(way.contains("bind 127.0.0.1:3\n") && way.contains("OPTIONS /primary"), "{way}");
        assert!(
            way.ends_with("    server a 127.0.0.1:4 check port 6\n    server b 127.0.0.1:5 check port 7\n"),
            "{way}"
        );
    }
}
