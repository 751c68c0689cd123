//! `cargo xtask fresh`: both commands of the README, proved on a machine that has nothing yet.
//!
//! The machine is a new root file system with a minimal Debian, into which the committed HEAD is cloned. It has namespaces
//! of its own, so that nothing which runs or is mounted there outlives this command; it must never touch anything of the
//! real machine but its own folder. Only the network is shared, since packages come from where this machine gets them.

mod probe;
mod root;

use crate::{
    context::Context,
    shell::{find_on_path, heading, output, say},
};
use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use root::Root;
use std::{
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

/// What the README asks for, and the headers that a C compiler needs to be one.
const PACKAGES: &str = "git,make,gcc,libc6-dev,python3,ca-certificates";
const TOOLS: [&str; 4] = ["debootstrap", "unshare", "chroot", "mount"];
/// The new root, the packages, and two builds with all of their tests.
const LEAST_FREE_GB: u64 = 20;
const SERVES_WITHIN: Duration = Duration::from_hours(2);

#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Stop after this step
    #[arg(long, value_enum, default_value = "test")]
    until: Until,
    /// Where the new root is made; removed at the end [default: target/xtask/fresh]
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Where Debian's packages come from [default: this machine's own source of them]
    #[arg(long)]
    mirror: Option<String>,
    /// Debian's release
    #[arg(long, default_value = "bookworm")]
    suite: String,
    /// Leave the new root behind
    #[arg(long)]
    keep: bool,
}

/// The steps, each of which needs those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Until {
    /// A root file system with the commit in it
    Root,
    /// `make setup`
    Setup,
    /// `make run`, until it serves
    Run,
    /// `make test`
    Test,
}

pub(crate) fn run(context: &Context, options: &Options) -> Result<()> {
    require_tools()?;
    let folder = options.folder.clone().unwrap_or_else(|| context.stamps().join("fresh"));
    let mirror = match &options.mirror {
        Some(mirror) => mirror.clone(),
        None => root::mirror_of_this_machine()?,
    };
    heading("a new root file system");
    let started = Instant::now();
    let root = Root::make(&folder, options.keep)?;
    require_space(&folder)?;
    root.bootstrap(&options.suite, &mirror, PACKAGES)?;
    root.carry_settings_in(&options.suite, &mirror)?;
    let commit = root.clone_head(context)?;
    say(format!(
        "Debian {} with {commit} in {}, after {}",
        options.suite,
        folder.display(),
        minutes(started.elapsed())
    ));
    if options.until == Until::Setup {
        heading("make setup");
        root.run("make setup", &[])?;
    }
    if options.until >= Until::Run {
        heading("make run");
        let started = Instant::now();
        serve(&root)?;
        say(format!("make run served after {}", minutes(started.elapsed())));
    }
    if options.until >= Until::Test {
        heading("make test");
        let started = Instant::now();
        let result = root.run("make test", &[]);
        say(format!(
            "make test {} after {}",
            if result.is_ok() { "passed" } else { "failed" },
            minutes(started.elapsed())
        ));
        result?;
    }
    Ok(())
}

fn require_tools() -> Result<()> {
    if !crate::account::is_root() {
        bail!(
            "a new root file system can only be made by root; run `cargo xtask fresh` as root, on a machine that may be spoilt"
        );
    }
    let missing: Vec<&str> = TOOLS.into_iter().filter(|tool| find_on_path(tool).is_none()).collect();
    if !missing.is_empty() {
        bail!(
            "this machine lacks {}. On Debian or Ubuntu: apt-get install debootstrap util-linux coreutils",
            missing.join(", ")
        );
    }
    Ok(())
}

fn require_space(folder: &std::path::Path) -> Result<()> {
    let free = output(Command::new("df").args(["--block-size=1G", "--output=avail"]).arg(folder))?;
    let free: u64 =
        free.lines().last().and_then(|line| line.trim().parse().ok()).context("`df` tells no free space")?;
    if free < LEAST_FREE_GB {
        bail!(
            "{free} GB are free at {}, and {LEAST_FREE_GB} are needed; name another place with --folder",
            folder.display()
        );
    }
    Ok(())
}

/// Starts `make run`, waits until a person could begin, and ends it.
fn serve(root: &Root) -> Result<()> {
    let address = probe::free_address()?;
    let mut machine = root.start("make run", &[("WEFT_LISTEN", address.to_string())])?;
    let started = Instant::now();
    while started.elapsed() < SERVES_WITHIN {
        if let Some(status) = machine.ended()? {
            bail!("`make run` ended by itself ({status})");
        }
        if probe::is_ready(address) {
            return probe::first_page(address);
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    bail!("`make run` did not serve within {}", minutes(SERVES_WITHIN))
}

fn minutes(time: Duration) -> String {
    format!("{} min {} s", time.as_secs() / 60, time.as_secs() % 60)
}
