//! Running other programs and talking to the person at the terminal.
//!
//! Every failure names the command that failed; output is shown, never swallowed.

use crate::context::variable;
use anyhow::{Context as _, Result, bail};
use std::{
    ffi::OsStr,
    io::{BufRead, BufReader, IsTerminal, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

/// Runs a command with the terminal's own input and output.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start `{}`", describe(command)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", describe(command));
    }
    Ok(())
}

/// Runs a command and returns its trimmed standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let result = command.output().with_context(|| format!("cannot start `{}`", describe(command)))?;
    if !result.status.success() {
        bail!("`{}` failed ({}): {}", describe(command), result.status, String::from_utf8_lossy(&result.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&result.stdout).trim().to_owned())
}

/// True if the command can be started and succeeds; its output is thrown away.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs a command, shows its output as it comes, and hands it back line by line as well.
pub(crate) fn run_and_read(command: &mut Command) -> Result<(bool, Vec<String>)> {
    let name = describe(command);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{name}`"))?;
    let lines = Arc::new(Mutex::new(Vec::new()));
    let stdout = child.stdout.take().map(|pipe| tee(pipe, std::io::stdout(), Arc::clone(&lines)));
    let stderr = child.stderr.take().map(|pipe| tee(pipe, std::io::stderr(), Arc::clone(&lines)));
    let status = child.wait().with_context(|| format!("cannot wait for `{name}`"))?;
    for reader in [stdout, stderr].into_iter().flatten() {
        // A reader that panicked lost only lines that were already shown.
        let _ = reader.join();
    }
    let lines = lines.lock().map(|lines| lines.clone()).unwrap_or_default();
    Ok((status.success(), lines))
}

fn tee(
    source: impl std::io::Read + Send + 'static,
    mut shown: impl Write + Send + 'static,
    kept: Arc<Mutex<Vec<String>>>,
) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        for line in BufReader::new(source).lines().map_while(Result::ok) {
            // Nobody reads the terminal any more: the run itself still counts.
            let _ = writeln!(shown, "{line}");
            if let Ok(mut kept) = kept.lock() {
                kept.push(line);
            }
        }
    })
}

/// Prints one line of progress.
pub(crate) fn say(line: impl AsRef<str>) {
    println!("{}", line.as_ref());
}

/// The heading of a step, set off on a terminal.
pub(crate) fn heading(title: &str) {
    if std::io::stdout().is_terminal() && variable("NO_COLOR").is_none() {
        println!("\n\u{1b}[1m== {title}\u{1b}[0m");
    } else {
        println!("\n== {title}");
    }
}

/// The command as a person would type it.
pub(crate) fn describe(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

/// PATH, with the programs of a folder before all others.
pub(crate) fn before_path(folder: &Path) -> Result<String> {
    let name = folder.to_str().with_context(|| format!("{} has no name in UTF-8", folder.display()))?;
    Ok(format!("{name}:{}", variable("PATH").unwrap_or_default()))
}

/// Finds an executable on PATH.
pub(crate) fn find_on_path(name: &str) -> Option<PathBuf> {
    let path = variable("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| is_executable(file))
}

pub(crate) fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Writes a file only when its content changes, so that nothing downstream rebuilds for nothing.
pub(crate) fn write_if_changed(path: &Path, content: &[u8]) -> Result<bool> {
    if std::fs::read(path).is_ok_and(|old| old == content) {
        return Ok(false);
    }
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    }
    std::fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(true)
}
