//! Does it work? Starts a server with the example marketplace and asks it for a basket's price; lets fifty buyers race
//! for ten units, kills the server and starts it again; pays an order and returns a part of it. Every number that it
//! prints has been checked. `cargo xtask demo` builds what this needs and runs it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

mod ask;
mod order;
mod race;
mod server;
mod shop;
mod sums;
mod tables;

use server::{Launch, Server};
use shop::Shop;

const CATALOGUE: &str = "examples/marketplace";
const PRODUCTS: &str = "examples/marketplace.products.csv";
const BASKET: &str = "examples/baskets/all-six-stages.yaml";
/// Where the server stays with `--keep`: its own default. Without it any free port does.
const KEPT_AT: &str = "127.0.0.1:7070";
const KEPT_ADMIN: &str = "127.0.0.1:7071";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let keep = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => false,
        ["--keep"] => true,
        _ => bail!("demo has one option, `--keep`: the server stays"),
    };
    let data = tempfile::tempdir().context("no folder for the data can be made")?;
    let launch = Launch {
        tokka: beside_us("tokka")?,
        catalogue: CATALOGUE,
        data: data.path().to_owned(),
        listen: if keep { KEPT_AT } else { "127.0.0.1:0" },
        admin: keep.then_some(KEPT_ADMIN),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut told_to_stop = std::pin::pin!(told_to_stop()?);
        // Whoever stops the demo stops the server: it ends with its value, wherever this is left.
        let mut server = tokio::select! {
            server = show(&launch) => server?,
            () = &mut told_to_stop => bail!("the demo was told to stop, and stopped its server"),
        };
        if keep {
            print_how_to_call(server.address());
            tokio::select! {
                ended = has_ended(&mut server) => return ended,
                () = &mut told_to_stop => {}
            }
        }
        Ok(())
    })
}

/// Everything, in order; answers the server that runs at the end.
async fn show(launch: &Launch) -> Result<Server> {
    let shop = Shop::read(launch.catalogue(), Path::new(PRODUCTS))?;
    let request = ask::request(Path::new(BASKET), &shop)?;
    let started = Instant::now();
    let server = launch.open().await?;
    println!("$ tokka serve --catalogue {CATALOGUE}\n{}\n", server.announced());
    let quote = ask::quote(server.address(), request.clone()).await?;
    println!(
        "{BASKET}, priced by tokka.v1.PricingService/Quote, {} ms after the server was started:\n",
        started.elapsed().as_millis()
    );
    print!("{}", tables::answer(&shop, &request, &quote)?);
    let columns = sums::check(&quote)?;
    println!("\n{columns} sums were added up once more from the answer: lines, stores, stages, pieces, funders. All are right.");

    println!("\nFIFTY BUYERS, TEN UNITS\n");
    let sold = race::run(server.address(), &shop).await?;

    println!("\nKILL -9\n");
    let process = server.process_id();
    server.kill_9()?;
    println!("The server, process {process}, is killed. `tokka verify` of what it left on the disk: {}.", launch.verify()?);
    let started = Instant::now();
    let server = launch.open().await?;
    println!("A new one, process {}, takes calls {} ms later.", server.process_id(), started.elapsed().as_millis());
    sold.still_there(server.address(), &shop).await?;

    println!("\nAN ORDER, PAID AND RETURNED IN PART\n");
    order::run(server.address(), &shop, &request, &quote).await?;
    Ok(server)
}

fn print_how_to_call(address: &str) {
    println!("\nThe server stays until you press Ctrl-C, with its data in a temporary folder. To call it:\n");
    println!("  grpcurl -plaintext {address} list");
    println!("  grpcurl -plaintext -d '{}' {address} tokka.v1.PricingService/Quote", ask::EXAMPLE);
    let order = format!("{{\"reservation_id\": \"{}\", \"user\": \"u-tanaka\"}}", order::ID);
    println!("  grpcurl -plaintext -d '{order}' {address} tokka.v1.PricingService/GetReservation");
    println!("  cargo run -q -p tokka -- reservation {} --user u-tanaka", order::ID);
    println!("  cargo run -q -p tokka -- reserve {BASKET} --expect 26630 --id order-1002");
    println!("  cargo run -q -p tokka -- events --server http://{KEPT_ADMIN}");
    println!("  cargo run -q -p tokka -- verify --server http://{KEPT_ADMIN}");
}

/// Ready when somebody asks this process to end: Ctrl-C, or SIGTERM and SIGHUP where there are such things. Listened for
/// from now on.
fn told_to_stop() -> Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hang_up.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}

/// Ends when the server does, which it should not.
async fn has_ended(server: &mut Server) -> Result<()> {
    while !server.has_ended()? {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    bail!("the server has ended; its log is above")
}

/// A program that cargo built into the same directory.
fn beside_us(name: &str) -> Result<PathBuf> {
    let us = std::env::current_exe().context("cannot tell where this program lies")?;
    let program = us.with_file_name(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    ensure!(program.is_file(), "`{}` is not built: run `cargo xtask demo`", program.display());
    Ok(program)
}
