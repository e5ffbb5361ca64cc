//! How do very many customers get a coupon? From a list of them, with progress, and again where it broke off.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use tokka_client::v1;

use crate::desk::Desk;
use crate::failure::Failure;
use crate::money::grouped;
use crate::output;
use crate::remote::print_json;

/// Customers of one message.
const AT_ONCE: usize = 1_000;

/// Who gets what.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka coupons issue crm-hl-birthday --users november.txt --request-id birthday-2026-11
  tokka coupons issue crm-hl-birthday --users - --request-id vip --refused refused.csv < vip.txt

Where it breaks off, call it again with the same --request-id within 6 days: nobody gets a second one.

Exit codes: 0 everybody has theirs, 1 some got none, or the issue is refused, 2 called wrongly, or no answer.")]
pub(crate) struct Issue {
    /// The distribution
    #[arg(value_name = "DISTRIBUTION")]
    distribution: String,
    /// The customers, one a line; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    users: PathBuf,
    /// What this issue is called: the same again goes on with it
    #[arg(long, value_name = "ID")]
    request_id: String,
    /// Writes who got none, and why, as CSV
    #[arg(long, value_name = "FILE")]
    refused: Option<PathBuf>,
    #[command(flatten)]
    desk: Desk,
    /// Prints the last progress as JSON
    #[arg(long)]
    json: bool,
}

/// Issues it.
pub(crate) fn run(arguments: &Issue) -> Result<(), Failure> {
    let users = read(&arguments.users)?;
    let total = i64::try_from(users.len()).unwrap_or(i64::MAX);
    let page = |users: &[String]| v1::IssueCouponsRequest {
        request_id: arguments.request_id.clone(),
        distribution: arguments.distribution.clone(),
        users: users.to_vec(),
    };
    let pages = users.chunks(AT_ONCE).map(page).collect();
    let mut refused: Vec<v1::IssueRefusal> = Vec::new();
    let terminal = io::stderr().is_terminal();
    let done = arguments.desk.operate(async |operator| {
        operator
            .issue(pages, |progress| {
                refused.extend(progress.refused.iter().cloned());
                if terminal {
                    let _ = write!(io::stderr(), "\r{} of {} customers", grouped(progress.users_done), grouped(total));
                }
            })
            .await
    });
    if terminal {
        let _ = writeln!(io::stderr());
    }
    if let Some(path) = &arguments.refused {
        write_refused(path, &refused)?;
    }
    let done = done?;
    if arguments.json {
        print_json("IssueCouponsResponse", &done)?;
    } else {
        let v1::IssueCouponsResponse { users_done, issued, repeated, refused_total, .. } = done;
        let [users_done, issued, repeated, none] = [users_done, issued, repeated, refused_total].map(grouped);
        output::print(&format!("{users_done} customers: {issued} issued now, {repeated} had theirs, {none} got none\n"))?;
    }
    if done.refused_total == 0 { Ok(()) } else { Err(why(&refused)) }
}

/// The customers of a list; empty lines are none.
fn read(path: &Path) -> Result<Vec<String>, Failure> {
    let unreadable = |error: io::Error| Failure::Unreadable(vec![format!("`{}` cannot be read: {error}", path.display())]);
    let lines: Box<dyn BufRead> = if path.as_os_str() == "-" {
        Box::new(io::stdin().lock())
    } else {
        Box::new(BufReader::new(File::open(path).map_err(unreadable)?))
    };
    let mut users = Vec::new();
    for line in lines.lines() {
        let line = line.map_err(unreadable)?;
        let user = line.trim();
        if !user.is_empty() {
            users.push(user.to_owned());
        }
    }
    if users.is_empty() {
        return Err(Failure::Usage(format!("`{}` names no customer", path.display())));
    }
    Ok(users)
}

fn write_refused(path: &Path, refused: &[v1::IssueRefusal]) -> Result<(), Failure> {
    let mut text = "user,reason\n".to_owned();
    for v1::IssueRefusal { user, reason } in refused {
        text.push_str(&format!("\"{}\",{reason}\n", user.replace('"', "\"\"")));
    }
    std::fs::write(path, text).map_err(|error| Failure::because(format!("`{}` cannot be written: {error}", path.display())))
}

/// The first of those who got none.
fn why(refused: &[v1::IssueRefusal]) -> Failure {
    let mut lines: Vec<String> = refused.iter().take(20).map(|one| format!("`{}`: {}", one.user, one.reason)).collect();
    if let Some(more) = refused.len().checked_sub(20).filter(|more| *more > 0) {
        lines.push(format!("and {more} more: --refused FILE names them all"));
    }
    Failure::Failed(lines)
}
