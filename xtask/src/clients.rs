//! Do clients of other languages get what the API promises? Each is generated and built, and checks a server of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

mod api;
mod faults;
mod languages;
mod server;

use faults::Lossy;
use languages::Language;
use server::Server;

/// What the program of every language says `ok` to; one that is not spoken of has failed.
const CHECKS: [&str; 8] = ["quote", "race", "order", "repetition", "fields", "stranger", "lost answer", "deadline"];
const SERVICE_CONFIG: &str = "clients/service-config.json";
/// Long enough for any machine; a program that says nothing for longer hangs.
const SILENCE_MAX: Duration = Duration::from_secs(300);

/// A part that can be run by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Lint and breaking changes.
    Api,
    Client(Language),
}

/// In this order.
const PARTS: [(&str, Part); 5] = [
    ("api", Part::Api),
    ("go", Part::Client(Language::Go)),
    ("java", Part::Client(Language::Java)),
    ("typescript", Part::Client(Language::TypeScript)),
    ("python", Part::Client(Language::Python)),
];

/// Runs the parts that are named, or all; the last line is `N passed, N failed`.
pub(crate) fn run(root: &Path, options: &[String]) -> Result<ExitCode> {
    if options == ["accept-api"] {
        api::accept(root)?;
        return Ok(ExitCode::SUCCESS);
    }
    let parts = parts(options)?;
    let build = root.join("target").join("clients");
    let tokka = if parts.iter().any(|(_, part)| matches!(part, Part::Client(_))) { Some(build_tokka(root)?) } else { None };
    let (mut passed, mut failed) = (0_usize, 0_usize);
    for (name, part) in parts {
        println!("\n== {name}");
        let started = Instant::now();
        let counts = match (part, &tokka) {
            (Part::Api, _) => api::check(root),
            (Part::Client(language), Some(tokka)) => check(language, name, root, &build, tokka),
            (Part::Client(_), None) => bail!("no server was built"),
        };
        let (good, bad) = counts.unwrap_or_else(|error| {
            println!("{error:#}");
            (0, 1)
        });
        println!("== {name}: {good} passed, {bad} failed in {} s", started.elapsed().as_secs());
        passed = passed.saturating_add(good);
        failed = failed.saturating_add(bad);
    }
    println!("\n{passed} passed, {failed} failed");
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn parts(options: &[String]) -> Result<Vec<(&'static str, Part)>> {
    if options.is_empty() {
        return Ok(PARTS.to_vec());
    }
    let mut parts = Vec::new();
    for option in options {
        let part = PARTS.into_iter().find(|(name, _)| name == option);
        let known = || PARTS.map(|(name, _)| name).join(", ");
        parts.push(part.with_context(|| format!("`{option}` is none of {}, accept-api", known()))?);
    }
    Ok(parts)
}

fn build_tokka(root: &Path) -> Result<PathBuf> {
    let status = Command::new(crate::cargo())
        .args(["build", "--quiet", "--package", "tokka"])
        .current_dir(root)
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "tokka cannot be built");
    let us = std::env::current_exe().context("cannot tell where this program lies")?;
    Ok(us.with_file_name(format!("tokka{}", std::env::consts::EXE_SUFFIX)))
}

/// Builds the program of a language and lets it check a server. Answers how many checks passed and failed.
fn check(language: Language, name: &str, root: &Path, build: &Path, tokka: &Path) -> Result<(usize, usize)> {
    let mut program = language.program(root, build)?;
    let server = Server::start(tokka, root, build.join(format!("data-{name}")))?;
    let lossy = Lossy::before(server.address())?;
    let silence = faults::silence()?;
    let (published, patient) = (root.join(SERVICE_CONFIG), build.join("patient-service-config.json"));
    let text = std::fs::read_to_string(&published).with_context(|| format!("cannot read `{SERVICE_CONFIG}`"))?;
    std::fs::write(&patient, with_time_enough(&text)?).with_context(|| format!("cannot write `{}`", patient.display()))?;
    program.args([server.address(), lossy.address(), &silence]).args([&published, &patient]);
    let (lines, status) = lines_of(program)?;
    let (passed, mut missing) = judge(&lines);
    // Only then does the check say something.
    if lossy.lost() != 1 {
        println!("{} answers were lost on the way, and not 1", lossy.lost());
        missing = missing.saturating_add(1);
    }
    if !status.success() && missing == 0 {
        println!("it ended with {status}");
        missing = 1;
    }
    Ok((passed, missing))
}

/// The same configuration with deadlines that a busy machine and a cold start keep.
fn with_time_enough(text: &str) -> Result<String> {
    let mut found = false;
    let mut all = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("\"timeout\":") {
            found = true;
            all.push_str("      \"timeout\": \"120s\",\n");
        } else {
            all.push_str(line);
            all.push('\n');
        }
    }
    ensure!(found, "`{SERVICE_CONFIG}` has no line that begins with `\"timeout\":`");
    Ok(all)
}

/// Runs it, and passes on what it says.
fn lines_of(mut program: Command) -> Result<(Vec<String>, ExitStatus)> {
    let mut running = Running(program.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("the program cannot be run")?);
    let output = running.0.stdout.take().context("its output cannot be read")?;
    let (send, receive) = channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                break;
            }
        }
    });
    let mut lines = Vec::new();
    loop {
        match receive.recv_timeout(SILENCE_MAX) {
            Ok(line) => {
                println!("{line}");
                lines.push(line);
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => bail!("it has said nothing for {} s, and was ended", SILENCE_MAX.as_secs()),
        }
    }
    let status = running.0.wait().context("it is gone")?;
    Ok((lines, status))
}

/// A program that ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Where it has ended by itself there is nothing left to do.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How many checks said `ok`, and how many did not.
fn judge(lines: &[String]) -> (usize, usize) {
    let passed = |check: &&str| lines.iter().any(|line| line.strip_prefix("ok ") == Some(*check));
    let missing: Vec<&str> = CHECKS.into_iter().filter(|check| !passed(check)).collect();
    for check in &missing {
        println!("NOT OK: {check}");
    }
    (CHECKS.len().saturating_sub(missing.len()), missing.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(of: &[&str]) -> Vec<String> {
        of.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn a_check_that_nobody_spoke_of_has_failed() {
        let all: Vec<String> = CHECKS.iter().map(|check| format!("ok {check}")).collect();
        assert_eq!(judge(&all), (8, 0));
        assert_eq!(judge(all.get(1..).unwrap()), (7, 1));
        assert_eq!(judge(&lines(&["ok quote", "failed race: 11 sold", "ok order of things"])), (1, 7));
    }

    #[test]
    fn parts_are_known_or_refused() {
        assert_eq!(parts(&[]).unwrap().len(), PARTS.len());
        assert_eq!(parts(&lines(&["go", "api"])).unwrap(), [PARTS[1], PARTS[0]]);
        assert!(parts(&lines(&["cobol"])).unwrap_err().to_string().contains("typescript"));
    }

    #[test]
    fn there_is_time_enough_for_every_method() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let text = std::fs::read_to_string(root.join(SERVICE_CONFIG)).unwrap();
        let patient = with_time_enough(&text).unwrap();
        assert_eq!(patient.matches("\"120s\"").count(), text.matches("\"timeout\"").count());
        assert_eq!(patient.lines().count(), text.lines().count());
        assert!(with_time_enough("{}").is_err());
    }
}
