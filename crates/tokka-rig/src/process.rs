//! How does a process start, and how does it surely end?

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::mpsc::{Sender, channel};

use rustix::process::{Pid, Signal, kill_process};

use crate::wait::{end_test, must, until};

/// A process that ends with this value.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

/// A process to start, and who waits for it.
type Order = (Command, Sender<std::io::Result<Child>>);

/// The thread that starts every process. The kernel kills a guarded process when the *thread* that started it ends; this
/// one ends with the test's process, whereas a test's own thread may end before a server that several tests share.
static STARTER: LazyLock<Sender<Order>> = LazyLock::new(|| {
    let (sender, orders) = channel::<Order>();
    std::thread::spawn(move || {
        for (mut command, answer) in orders {
            // Who gave the order waits for the answer; if it is gone, the child is dropped, and the kernel ends it with us.
            let _ = answer.send(command.spawn());
        }
    });
    sender
});

/// Whether `setpriv` of util-linux is there. It asks the kernel to kill a process with its parent, also when that is killed
/// itself and drops nothing. Without it, only values that are dropped end their processes.
static GUARDED: LazyLock<bool> = LazyLock::new(|| {
    let mut probe = Command::new("setpriv");
    probe.args(["--pdeathsig", "KILL", "true"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let guarded = probe.status().is_ok_and(|status| status.success());
    if !guarded {
        eprintln!("setpriv is not there: servers of a test that is killed outlive it");
    }
    guarded
});

impl Process {
    /// Starts a program in a directory; what it says goes to `log`, after what is there.
    #[track_caller]
    pub(crate) fn start(program: &str, arguments: &[&str], dir: &Path, log: &Path) -> Self {
        let mut command = if *GUARDED {
            let mut guard = Command::new("setpriv");
            guard.args(["--pdeathsig", "KILL", program]);
            guard
        } else {
            Command::new(program)
        };
        let file = must(File::options().create(true).append(true).open(log), "the log of a server cannot be written");
        let errors = must(file.try_clone(), "the log of a server cannot be written");
        command.args(arguments).current_dir(dir).stdin(Stdio::null()).stdout(file).stderr(errors);
        let (sender, started) = channel();
        must(STARTER.send((command, sender)), "the thread that starts servers has ended");
        let started = must(started.recv(), "the thread that starts servers has ended");
        let child = must(started, format!("`{program}` cannot be started (`cargo xtask install` brings it)"));
        Self { child, log: log.to_owned() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended yet.
    pub(crate) fn runs(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// As `kill -9`, and gone when this returns.
    #[track_caller]
    pub(crate) fn kill9(&mut self) {
        must(self.child.kill().and_then(|()| self.child.wait()), "a server cannot be killed");
    }

    /// Asks it to end, and waits for that.
    #[track_caller]
    pub(crate) fn terminate(&mut self) {
        self.signal(Signal::TERM);
        let log = self.log.clone();
        until("the end of a server", || (!self.runs()).then_some(()), || tail(&log));
    }

    /// Stops it where it stands, like a machine that hangs: connections stay, nothing is answered.
    #[track_caller]
    pub(crate) fn pause(&mut self) {
        self.signal(Signal::STOP);
        until("a server to stand still", || (self.state() != Some('R') && self.state() != Some('S')).then_some(()), String::new);
    }

    /// Lets it go on.
    #[track_caller]
    pub(crate) fn resume(&mut self) {
        self.signal(Signal::CONT);
    }

    #[track_caller]
    fn signal(&mut self, signal: Signal) {
        if !self.runs() {
            end_test(format!("the server has ended by itself\n{}", tail(&self.log)));
        }
        must(kill_process(Pid::from_child(&self.child), signal), "a server cannot be signalled");
    }

    /// What the kernel says that it does: `T` where it was stopped. `None` where the kernel does not say.
    fn state(&self) -> Option<char> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?;
        // The name of the program is in brackets, and may hold any character.
        stat.rsplit_once(')')?.1.trim_start().chars().next()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already, and there is nobody left to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The last lines of a log, for whoever wonders why.
pub(crate) fn tail(log: &Path) -> String {
    const LINES: usize = 25;
    let text = std::fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(LINES);
    format!("the last lines of {}:\n{}", log.display(), lines.get(from..).unwrap_or_default().join("\n"))
}
