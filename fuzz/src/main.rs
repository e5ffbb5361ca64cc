//! How long is it hunted? `cargo xtask fuzz [--minutes N] [--seed S]`, or one input again by `--again TARGET FILE`.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use tokka_fuzz::TARGETS;
use tokka_fuzz::hunt::{Until, hunt, keep};

/// Where nobody says how long.
const MINUTES: u64 = 10;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<ExitCode> {
    let (mut minutes, mut seed) = (MINUTES, None);
    let mut rest = arguments.iter().map(String::as_str);
    while let Some(argument) = rest.next() {
        let mut value = || rest.next().with_context(|| format!("`{argument}` needs a value"));
        let number = |text: &str| text.parse::<u64>().with_context(|| format!("`{text}` is not a number"));
        match argument {
            "--minutes" => minutes = number(value()?)?,
            "--seed" => seed = Some(number(value()?)?),
            "--again" => return again(value()?, Path::new(value()?)),
            other => bail!("`{other}` is not an option of fuzz; there are `--minutes N`, `--seed S` and `--again TARGET FILE`"),
        }
    }
    // Another seed each time, unless one is to be seen again.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    search(minutes, seed.unwrap_or(now.as_secs()))
}

/// Divides the time among the targets.
fn search(minutes: u64, seed: u64) -> Result<ExitCode> {
    let each = Duration::from_secs(minutes.saturating_mul(60)) / u32::try_from(TARGETS.len()).unwrap_or(1);
    println!("seed {seed}, {} s for each target", each.as_secs());
    let (mut passed, mut failed) = (0, 0);
    for (name, target) in TARGETS {
        let (tried, broken) = hunt(name, target, seed, Until::Moment(Instant::now() + each))?;
        match broken {
            None => {
                println!("{name}: {tried} inputs, none broke it");
                passed += 1;
            }
            Some(broken) => {
                let path = keep(name, &broken)?;
                println!(
                    "{name}: input {} of seed {seed} broke it; again: cargo xtask fuzz --again {name} {}",
                    broken.number,
                    path.display()
                );
                failed += 1;
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn again(name: &str, path: &Path) -> Result<ExitCode> {
    let target = TARGETS.iter().find(|(known, _)| *known == name);
    let (_, target) = target.with_context(|| format!("there is no target `{name}`"))?;
    let data = std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    target(&data);
    println!("{name}: this input does not break it");
    Ok(ExitCode::SUCCESS)
}
