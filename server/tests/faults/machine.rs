//! What the server's processes may do on their machine, read from the kernel, and what a folder full of traps does to it.
//! As root they have to become somebody else; as anybody else they have to stay as they are.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use nix::unistd::{Uid, User, chown, geteuid};

use crate::{
    server::{Server, admin},
    support::{SlowModel, slow_model, weft},
};

fn command(args: &[&str], model: &SlowModel, dir: &Path) -> Command {
    let mut command = weft(args, model);
    command.env("DATABASE_URL", "").env("WEFT_DATA_DIR", dir).stderr(Stdio::piped());
    command
}

/// A process and all that it started.
fn family(pid: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let parents: Vec<(u32, u32)> = entries
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let status = fs::read_to_string(entry.path().join("status")).ok()?;
            Some((pid, status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()?))
        })
        .collect();
    let mut family = vec![pid];
    let mut next = 0;
    while let Some(parent) = family.get(next).copied() {
        family.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    family
}

fn status(pid: u32, field: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let value = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).unwrap_or_default();
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The user who is to own what root hands over.
fn somebody() -> Uid {
    if geteuid().is_root() {
        User::from_name("weft").unwrap().expect("`cargo xtask setup` made it").uid
    } else {
        geteuid()
    }
}

/// Refuses to start, and says why.
fn refusal(mut command: Command) -> String {
    let output = command.env("WEFT_LISTEN", "127.0.0.1:0").stdout(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_process_is_root_nor_can_become_it_nor_finds_a_key() {
    let model = slow_model(Duration::ZERO).await;
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let closed = dir.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    // A local model that is no program of ours: it only has to be reached, and to stay.
    let (program, file) = (closed.join("model.sh"), closed.join("model.gguf"));
    fs::write(&program, "#!/bin/sh\ntest -r \"$2\" && exec sleep 600\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(&file, "").unwrap();
    // As `umask 077; weft secret new-key > FILE` makes it: only whoever starts the server can read it.
    let keys = closed.join("secret-keys");
    fs::write(&keys, "9f3c1a7be04d58c26d90b7e1f2845ac3370e9b51d8c46fa2e5187bd09c63f42a").unwrap();
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o600)).unwrap();
    let data = dir.path().join("data");
    let mut serve = command(&["serve"], &model, &data);
    serve.env("WEFT_SECRET_KEY_FILE", &keys);
    serve.env("WEFT_LOCAL_LLM_BIN", &program).env("WEFT_LOCAL_LLM_MODEL", &file).stderr(Stdio::inherit());
    let server = Server::start(serve);
    let processes = family(server.pid());
    let named = |name: &str| processes.iter().filter(|pid| status(**pid, "Name").starts_with(name)).count();
    assert!(named("weft") == 1 && named("postgres") > 2 && named("sleep") == 1, "{processes:?}");
    let user = somebody().to_string();
    for pid in processes {
        let name = status(pid, "Name");
        assert_eq!(status(pid, "Uid"), [&*user; 4].join(" "), "{name}");
        assert_eq!(status(pid, "NoNewPrivs"), "1", "{name}");
        assert_eq!(status(pid, "Umask"), "0077", "{name}");
        assert_eq!(status(pid, "CapEff").trim_matches('0'), "", "{name}");
        if geteuid().is_root() {
            assert_eq!(status(pid, "Groups"), "", "{name} keeps groups of root");
            for open in fs::read_dir(format!("/proc/{pid}/fd")).unwrap().filter_map(Result::ok) {
                let target = fs::read_link(open.path()).unwrap_or_default();
                let is_copy = target.to_string_lossy().contains("weft-secret-keys");
                assert!(!is_copy || fs::read(open.path()).unwrap().is_empty(), "{name} can read the keys for secrets");
            }
        }
        if name.starts_with("postgres") {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap();
            assert!(!String::from_utf8_lossy(&environment).contains("WEFT_"), "{name} knows keys of providers");
        }
    }
    // A second command finds its way to the same folder.
    admin(|args| command(args, &model, &data));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_data_folder_is_closed_to_others_even_if_it_was_open() {
    let model = slow_model(Duration::ZERO).await;
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o777)).unwrap();
    chown(&data, Some(somebody()), None).unwrap();
    let _server = Server::start(command(&["serve"], &model, &data));
    let mode = |name: &str| fs::symlink_metadata(data.join(name)).unwrap().mode() & 0o777;
    assert_eq!(["", "postgres"].map(mode), [0o700; 2]);
    assert_eq!(["serve.lock", "postgres.gate", "postgres.users"].map(mode), [0o600; 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_in_the_data_folder_lead_nowhere() {
    let model = slow_model(Duration::ZERO).await;
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let (folder, file) = (dir.path().join("victims"), dir.path().join("victim"));
    fs::create_dir(&folder).unwrap();
    fs::write(&file, "untouched").unwrap();
    let state = |path: &Path| {
        let meta = fs::metadata(path).unwrap();
        (meta.uid(), meta.gid(), meta.mode(), meta.len(), meta.mtime_nsec())
    };
    let before = (state(&folder), state(&file));
    for (name, target) in [
        ("serve.lock", &file),
        ("postgres.gate", &file),
        ("postgres.users", &file),
        ("postgres", &folder),
        ("postgres/password", &file),
        ("postgres/owner.password", &file),
        ("postgres/access.conf", &file),
        ("postgres/postgres.log", &file),
    ] {
        let data = dir.path().join("data");
        fs::create_dir(&data).unwrap();
        let link = data.join(name);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(target, &link).unwrap();
        for path in [&data, &data.join("postgres")].into_iter().filter(|path| path.is_dir() && !path.is_symlink()) {
            chown(path, Some(somebody()), None).unwrap();
        }
        let words = refusal(command(&["serve"], &model, &data));
        assert!(words.contains(name.rsplit('/').next().unwrap()), "{name}: {words}");
        assert_eq!((state(&folder), state(&file)), before, "{name}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "{name}");
        fs::remove_dir_all(&data).unwrap();
    }
}

/// Only root has folders to give away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_of_roots_is_given_away_only_while_it_is_empty() {
    let model = slow_model(Duration::ZERO).await;
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("precious"), "").unwrap();
    if geteuid().is_root() {
        let words = refusal(command(&["serve"], &model, &data));
        assert!(words.contains("belongs to root") && words.contains("chown"), "{words}");
        assert_eq!(fs::metadata(&data).unwrap().uid(), 0);
        // Below a folder that is closed to the other user, the data goes elsewhere, and later commands find it there.
        let closed = dir.path().join("closed");
        fs::create_dir(&closed).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
        let data = closed.join("data");
        let server = Server::start(command(&["serve"], &model, &data));
        admin(|args| command(args, &model, &data));
        assert!(!data.exists());
        let elsewhere = fs::read_dir("/var/lib/weft").unwrap().filter_map(Result::ok).map(|entry| entry.path());
        let newest = elsewhere.max_by_key(|folder| fs::metadata(folder).unwrap().modified().unwrap()).unwrap();
        assert!(newest.join("serve.lock").exists());
        drop(server);
        fs::remove_dir_all(newest).unwrap();
    } else {
        // Anybody else's is theirs, whatever is in it.
        let _server = Server::start(command(&["serve"], &model, &data));
    }
}
