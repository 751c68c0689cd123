//! A cluster made: its files, its database, its two roles with their passwords, and who may connect.
//! Must never leave half a cluster in its place, nor a way in for anybody without a password.

use std::{fs, io::Write, path::Path, process::Stdio};

use rand::RngCore;

use super::{
    error::Error,
    folder::Folder,
    programs::{Programs, checked},
};
use crate::privileges::private;

/// The role that the application speaks as. It owns nothing.
pub(super) const APPLICATION: &str = "weft";
/// The role that owns the database and the tables.
pub(super) const OWNER: &str = "weft_owner";
/// What Postgres itself insists on. It has no password and no way in.
const SUPERUSER: &str = "postgres";
pub(super) const DATABASE: &str = "weft";

/// Makes the cluster beside its place and moves it there when it is whole, so that a power cut leaves none or all of it.
pub(super) fn initialise(folder: &Folder, programs: &Programs) -> Result<(), Error> {
    tracing::info!("making a database (Postgres {}) in {}", programs.version, folder.root.display());
    let new = folder.root.join("data.new");
    match fs::remove_dir_all(&new) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::io("remove", new)(error)),
        _ => {}
    }
    // Some systems lack C.UTF-8; C orders the same and only knows fewer letters.
    let initdb = |locale: &str| {
        let mut command = programs.command("initdb", &folder.root);
        command.arg(format!("--username={SUPERUSER}")).arg("--encoding=UTF8").arg(format!("--locale={locale}"));
        command.args(["--auth=reject", "--no-instructions", "-D"]).arg(&new);
        checked("initdb", command.output())
    };
    initdb("C.UTF-8").or_else(|_| initdb("C"))?;
    let application = write_password(&folder.password())?;
    let owner = write_password(&folder.owner_password())?;
    let statements = [
        format!("CREATE ROLE {OWNER} LOGIN PASSWORD '{owner}'"),
        format!("CREATE ROLE {APPLICATION} LOGIN PASSWORD '{application}'"),
        format!("CREATE DATABASE {DATABASE} OWNER {OWNER}"),
        format!("REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC"),
        format!("GRANT CONNECT, TEMPORARY ON DATABASE {DATABASE} TO {APPLICATION}"),
    ];
    single_user(folder, programs, &new, "template1", &statements)?;
    // Up to Postgres 14 everybody may make tables in this schema, and only the superuser owns it.
    let statements =
        [format!("ALTER SCHEMA public OWNER TO {OWNER}"), "REVOKE ALL ON SCHEMA public FROM PUBLIC".to_owned()];
    single_user(folder, programs, &new, DATABASE, &statements)?;
    fs::rename(&new, folder.data()).map_err(Error::io("move", new))
}

/// Single-user mode needs no server, no client program and no way in for the superuser. It reads one statement a line.
fn single_user(
    folder: &Folder,
    programs: &Programs,
    data: &Path,
    database: &str,
    statements: &[String],
) -> Result<(), Error> {
    let mut command = programs.command("postgres", &folder.root);
    // It would report success after an error, and repeat the statement, in which there may be a password.
    command
        .args(["--single", "-c", "exit_on_error=on", "-c", "log_min_error_statement=panic", "-D"])
        .arg(data)
        .arg(database);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(Error::io("start", "postgres"))?;
    if let Some(mut input) = child.stdin.take() {
        let sql = statements.join("\n") + "\n";
        input.write_all(sql.as_bytes()).map_err(Error::io("write to", "postgres --single"))?;
    }
    checked("postgres --single", child.wait_with_output())
}

/// Makes a password and keeps it for the commands that come later.
fn write_password(path: &Path) -> Result<String, Error> {
    let mut secret = [0; 24];
    rand::rng().fill_bytes(&mut secret);
    let password = hex::encode(secret);
    let mut file = private::file(path, fs::OpenOptions::new().truncate(true).write(true))?;
    writeln!(file, "{password}").map_err(Error::io("write", path))?;
    Ok(password)
}

/// The two roles by their passwords, and nobody else. Written at every start: what the file said before does not count.
pub(super) fn write_access(folder: &Folder) -> Result<(), Error> {
    let who = format!("{DATABASE} {OWNER},{APPLICATION}");
    let rules = format!("local {who} scram-sha-256\nhost {who} 127.0.0.1/32 scram-sha-256\n");
    let path = folder.access();
    let mut file = private::file(&path, fs::OpenOptions::new().truncate(true).write(true))?;
    file.write_all(rules.as_bytes()).map_err(Error::io("write", path))
}
