//! Does a store on Redis do what the model does? Random stories, told to both; two processes take turns to tell them to one
//! store.

use std::fmt::Write as _;

use super::super::*;
use crate::Memory;
use crate::model::Event;
use crate::story::{Call, Dice, World, broken, look_in, seeds, tell_by_the_wall};

/// Empties the server but for heads as they were made. What a head knows of processes stays, or they would find that it has
/// lost something.
const ANEW: &str = "
  local kept, at = {}, 1
  for i = 1, #KEYS do
    kept[i] = {}
    local fields = redis.call('HGETALL', KEYS[i])
    for j = 1, #fields, 2 do
      if string.match(fields[j], '^[bim]:') then
        table.insert(kept[i], fields[j])
        table.insert(kept[i], fields[j + 1])
      end
    end
  end
  redis.call('FLUSHALL')
  for i = 1, #KEYS do
    local count = tonumber(ARGV[at])
    redis.call('HSET', KEYS[i], unpack(ARGV, at + 1, at + count))
    if #kept[i] > 0 then redis.call('HSET', KEYS[i], unpack(kept[i])) end
    at = at + count + 1
  end
";

/// Steps of a story.
const STEPS: u64 = 48;

#[test]
fn one_shard_does_what_the_model_does() {
    tell_all("stories told to model and one shard", 320, World::WallTime, 1);
}

#[test]
fn four_shards_do_what_the_model_does() {
    tell_all("stories told to model and four shards", 200, World::SeveralPlaces, 4);
}

/// `TOKKA_CASES` as well as `TOKKA_LEDGER_SEEDS` tell more of them.
fn tell_all(name: &str, usual: u64, world: World, shards: u16) {
    let usual = std::env::var("TOKKA_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(usual);
    let seeds = seeds(usual);
    let (first, stories) = (seeds.start, seeds.end - seeds.start);
    let half = first + stories / 2;
    std::thread::scope(|scope| {
        for seeds in [first..half, half..seeds.end] {
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    let stage = Stage::new(world, shards).await;
                    for seed in seeds {
                        stage.side_by_side(seed).await;
                    }
                });
            });
        }
    });
    crate::story::proof(name, stories, first);
}

/// A server, and two processes that use the store on it. Each story finds it as it was when it was made.
struct Stage {
    server: tokka_rig::Redis,
    processes: [Redis; 2],
    world: World,
    log_max: u64,
    /// Each head and the root, with their fields.
    made: Vec<(Vec<u8>, Vec<Vec<u8>>)>,
}

impl Stage {
    async fn new(world: World, shards: u16) -> Self {
        let server = tokka_rig::Redis::start();
        let url: StoreUrl = server.url().parse().unwrap();
        init(&url, shards).await.unwrap();
        let log_max = if world == World::SeveralPlaces { 10_000 } else { crate::story::LOG_MAX };
        let mut config = Config::new(url, Arc::new(|_| None));
        config.log_max = log_max;
        config.log_min = 0;
        config.retention = Duration::ZERO;
        config.patience = Duration::from_secs(60);
        config.on_broken = Arc::new(broken);
        let processes = [Redis::open(config.clone()).await.unwrap(), Redis::open(config).await.unwrap()];
        for process in &processes {
            // What is due is expired where the story says so, and not by a refused hold.
            let later = std::time::Instant::now() + Duration::from_secs(24 * 3_600);
            *process.store.looked.lock().unwrap() = Some(later);
        }
        let mut made = Vec::new();
        let link = &processes[0].store.parts[0].post;
        let keys = processes[0].store.parts.iter().map(|part| (part.post.shard.head(), part.post.shard.slot));
        for (key, slot) in keys {
            let read = redis::cmd("HGETALL").arg(&key).to_owned();
            let fields = link.link.command(link::Lane::Admin, slot, &read).await.unwrap();
            let mut fields = reply::Reply::of(fields).unwrap();
            let mut words = Vec::new();
            while !fields.is_empty() {
                words.push(fields.bytes().unwrap().unwrap());
            }
            made.push((key, words));
        }
        Self { server, processes, world, log_max, made }
    }

    /// As it was made; and neither process knows anything.
    fn anew(&self) {
        let mut words: Vec<Vec<u8>> = vec![b"EVAL".to_vec(), ANEW.as_bytes().to_vec(), self.made.len().to_string().into_bytes()];
        words.extend(self.made.iter().map(|(key, _)| key.clone()));
        for (_, fields) in &self.made {
            words.push(fields.len().to_string().into_bytes());
            words.extend(fields.iter().cloned());
        }
        self.server.cli(&words);
        for process in &self.processes {
            process.store.allotments.forget_all();
            for part in &process.store.parts {
                for record in 0..9 {
                    part.recent.forget(&format!("r{record}"));
                }
            }
        }
    }

    async fn side_by_side(&self, seed: u64) {
        self.anew();
        let mut dice = Dice::of(self.world, seed);
        let model = Memory::new(Clock::wall(), self.log_max, Duration::ZERO, Arc::new(broken));
        let mut told: Vec<String> = Vec::new();
        let mut last: Option<Call> = None;
        // A process that remembers limits and refusals of shared counters may be wrong for a moment after another one's call.
        // So either one tells all of the story, or both begin each call as if just started.
        let both = self.world == World::WallTime || dice.below(2) == 0;
        for _ in 0..STEPS {
            // Now and then a call arrives twice.
            let again = last.take().filter(|_| dice.below(6) == 0);
            let call = match again {
                Some(call) => call,
                None => dice.call(&model, Clock::wall().now()).await,
            };
            if matches!(call, Call::Later(_)) || self.world == World::SeveralPlaces && matches!(call, Call::Read { .. }) {
                continue;
            }
            // One of them sweeps and reads; whose turn it is otherwise is chance.
            let sweeps = matches!(&call, Call::Read { .. } | Call::Ask(Ask::Expire { .. } | Ask::Age { .. }));
            let process = if sweeps || !both { 0 } else { dice.index(2) };
            if both {
                self.processes[process].store.allotments.forget_all();
            }
            let expected = timeless(self.world, &tell_by_the_wall(&model, &call).await);
            let answer = timeless(self.world, &tell_by_the_wall(&self.processes[process], &call).await);
            told.push(format!("process {process}: {call:?}\n    {answer}\n    {expected}"));
            assert_eq!(answer, expected, "TOKKA_LEDGER_SEED={seed}\n{}", told_shortly(&told));
            last = Some(call);
        }
        let seen = timeless(self.world, &look_in(self.world, &self.processes[1]).await);
        assert_eq!(
            seen,
            timeless(self.world, &look_in(self.world, &model).await),
            "TOKKA_LEDGER_SEED={seed}\n{}",
            told_shortly(&told)
        );
        if self.world == World::SeveralPlaces {
            let (logged, expected) = (histories(&self.processes[0]).await, histories(&model).await);
            assert_eq!(logged, expected, "TOKKA_LEDGER_SEED={seed}\n{}", told_shortly(&told));
            super::transfers::counters_are_allotted(&self.processes[0].store, &["stock", "budget", "user", "gift"]).await;
        }
    }
}

/// What the log says of each reservation, in order.
async fn histories(ledger: &dyn Ledger) -> HashMap<String, Vec<String>> {
    let mut all: HashMap<String, Vec<String>> = HashMap::new();
    let mut cursor = Cursor::default();
    loop {
        let Events::Batch(events, next) = ledger.events(&cursor, 1_000).await.unwrap() else { panic!("a gap") };
        if events.is_empty() {
            return all;
        }
        for Event { entry, .. } in events {
            let line = format!("{} {} {:?} {:?}", entry.shard_key, entry.version, entry.transition, entry.moved);
            all.entry(entry.id).or_default().push(line);
        }
        cursor = next;
    }
}

/// Without what two stores cannot have in common: times, epochs, and in several places positions.
fn timeless(world: World, told: &str) -> String {
    let mut words = told.to_owned();
    for field in ["epoch: ", "created: ", "changed: ", " at: "] {
        words = without(&words, field, |_| true);
    }
    if world == World::SeveralPlaces {
        words = without(&words, "position: ", |_| true);
    }
    // A tombstone is as due as it is old.
    words = without(&words, "deadline: ", |rest| {
        let this = rest.split("deadline: ").next().unwrap_or_default();
        this.split("tombstone: ").nth(1).is_some_and(|is| is.starts_with("true"))
    });
    words
}

fn without(told: &str, field: &str, is_meant: impl Fn(&str) -> bool) -> String {
    let mut words = String::with_capacity(told.len());
    let mut rest = told;
    while let Some((before, after)) = rest.split_once(field) {
        let digits = after.trim_start_matches(|letter: char| letter.is_ascii_digit());
        let kept = if is_meant(digits) { "_" } else { &after[..after.len() - digits.len()] };
        write!(words, "{before}{field}{kept}").unwrap();
        rest = digits;
    }
    words + rest
}

/// Payloads are of no interest, and long.
fn told_shortly(told: &[String]) -> String {
    let bytes = ["112, ", "110, ", "97, "];
    let mut words = told.join("\n");
    for byte in bytes {
        let run = byte.repeat(4);
        while words.contains(&run) {
            words = words.replace(&run, byte);
        }
    }
    words
}
