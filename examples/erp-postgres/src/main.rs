//! How does an ERP hear of every order once? This follows tokka's events and writes them into PostgreSQL.
//!
//! Events come at least once. What a message brings and the cursor behind it are written in one transaction, so that whatever
//! happens in between (this program is killed, the connection breaks, the database restarts), either both are there or
//! neither; and an event that comes again is already there under its key. Nothing else is needed for *exactly once*.

use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use tokio_postgres::{Client, NoTls, Transaction};
use tokka_client::v1::subscribe_response::What;
use tokka_client::{Config, Operator, v1};

/// Writes tokka's events into PostgreSQL, each exactly once.
#[derive(Debug, Parser)]
struct Arguments {
    /// The admin address of a tokka server
    #[arg(long, value_name = "URL")]
    server: String,
    /// Where the database is, as libpq has it: `host=… user=… dbname=…`
    #[arg(long, value_name = "PARAMETERS")]
    database: String,
    /// Ends once everything is written that had happened when it began
    #[arg(long)]
    stop_at_end: bool,
}

/// The tables. Transitions are named as in the API. `note` is for a person, where the ERP has no such gift.
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS tokka_cursor (one BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (one), cursor BYTEA NOT NULL);
CREATE TABLE IF NOT EXISTS tokka_gaps (at TIMESTAMPTZ NOT NULL DEFAULT now());
CREATE TABLE IF NOT EXISTS tokka_event (
    reservation_id TEXT NOT NULL, version BIGINT NOT NULL, transition TEXT NOT NULL, at_ms BIGINT NOT NULL,
    customer TEXT, order_id TEXT, payable BIGINT, refund BIGINT, PRIMARY KEY (reservation_id, version));
CREATE TABLE IF NOT EXISTS tokka_promotion (
    reservation_id TEXT NOT NULL, version BIGINT NOT NULL, promotion TEXT NOT NULL, discount BIGINT NOT NULL,
    PRIMARY KEY (reservation_id, version, promotion));
CREATE TABLE IF NOT EXISTS tokka_gift (
    reservation_id TEXT NOT NULL, version BIGINT NOT NULL, promotion TEXT NOT NULL, gift TEXT NOT NULL,
    quantity BIGINT NOT NULL, erp_sku TEXT, note TEXT, PRIMARY KEY (reservation_id, version, promotion, gift));
";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let (mut database, connection) =
        tokio_postgres::connect(&arguments.database, NoTls).await.context("the database is not reached")?;
    tokio::spawn(connection);
    database.batch_execute(TABLES).await.context("the tables cannot be made")?;
    let after = cursor(&database).await?;

    let operator = Operator::new(Config::new(&arguments.server))?;
    let request = v1::SubscribeRequest { after, stop_at_end: arguments.stop_at_end, events_max: 0 };
    let mut events = operator.subscribe(request);
    loop {
        match events.next().await {
            Ok(Some(message)) => write(&mut database, &message).await?,
            Ok(None) => return Ok(()),
            // A server that is restarted comes back; what it has told is written.
            Err(error) => {
                eprintln!("no events for now: {error}");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// Everything up to here is written.
async fn cursor(database: &Client) -> Result<Vec<u8>> {
    let row = database.query_opt("SELECT cursor FROM tokka_cursor", &[]).await?;
    Ok(row.map(|row| row.get(0)).unwrap_or_default())
}

/// Writes a message and the cursor behind it: both, or neither.
async fn write(database: &mut Client, message: &v1::SubscribeResponse) -> Result<()> {
    let step = database.transaction().await?;
    match &message.what {
        Some(What::Batch(batch)) => {
            for event in &batch.events {
                write_event(&step, event).await?;
            }
        }
        // Somebody has to look at it: what happened in between is read from the archive.
        Some(What::Gap(_)) => drop(step.execute("INSERT INTO tokka_gaps DEFAULT VALUES", &[]).await?),
        None => {}
    }
    let keep = "INSERT INTO tokka_cursor (cursor) VALUES ($1) ON CONFLICT (one) DO UPDATE SET cursor = EXCLUDED.cursor";
    step.execute(keep, &[&message.cursor]).await?;
    step.commit().await?;
    Ok(())
}

async fn write_event(step: &Transaction<'_>, event: &v1::Event) -> Result<()> {
    let (id, version) = (&event.reservation_id, event.version);
    let at = event.at.unwrap_or_default();
    let at_ms = at.seconds.saturating_mul(1_000).saturating_add(i64::from(at.nanos / 1_000_000));
    let transition = event.transition().as_str_name().trim_start_matches("TRANSITION_");
    let order_id = event.order.as_ref().and_then(|order| order.order_id.as_ref());
    let payable = event.priced.as_ref().map(|priced| priced.payable);
    let refund = event.returned.as_ref().and_then(|step| step.refund.as_ref()).map(|refund| refund.amount);
    let insert = "INSERT INTO tokka_event VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
    let new = step.execute(insert, &[id, &version, &transition, &at_ms, &event.user, &order_id, &payable, &refund]).await?;
    if new == 0 {
        return Ok(());
    }
    let Some(priced) = &event.priced else { return Ok(()) };
    for part in &priced.promotions {
        let insert = "INSERT INTO tokka_promotion VALUES ($1, $2, $3, $4)";
        step.execute(insert, &[id, &version, &part.promotion, &part.discount]).await?;
    }
    for gift in &priced.gifts {
        let insert = "INSERT INTO tokka_gift VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let note = Some(&gift.note).filter(|note| !note.is_empty());
        step.execute(insert, &[id, &version, &gift.promotion, &gift.gift, &gift.quantity, &gift.erp_sku, &note]).await?;
    }
    Ok(())
}
