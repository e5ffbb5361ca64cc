//! What does the best choice cost to find, and how often is it proven? 20 lines, 20 promotions, 20 coupons, as a
//! marketplace would have them; and an adversarial set: many overlapping spend promotions with thresholds, and coupons
//! that compete, with the gap and the work of each.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that cannot be set up has nothing to say")]

#[path = "best/adversarial.rs"]
mod adversarial;
#[path = "best/documents.rs"]
mod documents;
#[path = "best/marketplace.rs"]
mod marketplace;

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::Criterion;
use tokka_core::basket::Basket;
use tokka_core::best::{BUDGET, Certificate};
use tokka_core::quote::{Quote, View};
use tokka_core::rulebook::Rulebook;

/// A question: documents, and a basket.
pub(crate) struct Question {
    pub(crate) name: String,
    pub(crate) rulebook: Rulebook,
    pub(crate) basket: Basket,
}

/// How many marketplaces are asked.
const MARKETPLACES: u64 = 200;
/// Each is timed so often; the least time counts.
const TIMES: usize = 5;

fn main() {
    let marketplaces: Vec<Question> = (1..=MARKETPLACES).map(marketplace::question).collect();
    table("20 lines, 20 promotions, 20 coupons", &marketplaces, false);
    table("adversarial", &adversarial::questions(), true);

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("best");
    let mut next = marketplaces.iter().cycle();
    group.bench_function("20 lines, 20 promotions, 20 coupons", |bencher| {
        bencher.iter(|| ask(next.next().expect("a cycle goes on")));
    });
    group.finish();
    criterion.final_summary();
}

/// Prepares and prices, with no counter used.
fn ask(question: &Question) -> Quote {
    let prepared = question.rulebook.prepare(black_box(&question.basket)).expect("the basket names nothing that is not there");
    let usage = vec![0; prepared.counters().rows().len()];
    black_box(prepared.price_within(&usage, View::Basic, BUDGET).expect("a valid basket has a price"))
}

fn table(name: &str, questions: &[Question], each: bool) {
    let mut times: Vec<Duration> = Vec::new();
    let mut works: Vec<u64> = Vec::new();
    let (mut proven, mut better) = (0usize, 0usize);
    println!("{name}: {} questions, budget {BUDGET}", questions.len());
    for question in questions {
        let mut least = Duration::MAX;
        let mut answer = ask(question);
        for _ in 0..TIMES {
            let started = now();
            answer = ask(question);
            least = least.min(started.elapsed());
        }
        let search = answer.search.expect("it was searched");
        times.push(least);
        works.push(search.work);
        better += usize::from(answer.payable < search.sequential);
        let certificate = match search.certificate {
            Certificate::Proven => {
                proven += 1;
                "proven".to_owned()
            }
            Certificate::Bound { lower_bound } => {
                let (gap, whole) = (answer.payable.get() - lower_bound.get(), answer.payable.get().max(1));
                let hundredths = gap * 10_000 / whole;
                format!("at least {}, gap {gap} ({}.{:02} %)", lower_bound.get(), hundredths / 100, hundredths % 100)
            }
        };
        if each {
            println!(
                "  {}: sequential {}, best {}, {certificate}; work {}, {} µs",
                question.name,
                search.sequential.get(),
                answer.payable.get(),
                search.work,
                least.as_micros()
            );
        } else if std::env::var_os("TOKKA_EACH").is_some() {
            println!("  {}: {certificate}; work {}, {} µs", question.name, search.work, least.as_micros());
        }
    }
    times.sort_unstable();
    works.sort_unstable();
    let at = |part: usize| times.len() * part / 100;
    let time = |part: usize| times.get(at(part)).or(times.last()).map_or(0, Duration::as_micros);
    let work = |part: usize| works.get(at(part)).or(works.last()).copied().unwrap_or(0);
    println!(
        "{name}: {proven} of {} proven, {better} below sequential; median {} µs, p90 {} µs, most {} µs; work {} in the median, {} at p90, {} at most\n",
        questions.len(),
        time(50),
        time(90),
        time(100),
        work(50),
        work(90),
        work(100)
    );
}

#[expect(clippy::disallowed_methods, reason = "a benchmark has a clock; what it measures has none")]
fn now() -> Instant {
    Instant::now()
}
