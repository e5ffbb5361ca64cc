//! What can a disk do to a store? One in memory that remembers every write and sync, can be cut off at any of them, can
//! refuse to sync, and can hang.

use std::io;
use std::ops::Bound;
use std::sync::{Arc, Condvar, Mutex};

use redb::{BackendError, StorageBackend};

/// One thing that a store asked of its disk.
#[derive(Debug, Clone)]
pub(super) enum Event {
    Write { offset: usize, data: Vec<u8> },
    SetLen(usize),
    Sync,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Disk(Arc<Platter>);

#[derive(Debug, Default)]
struct Platter {
    surface: Mutex<Surface>,
    hang: Condvar,
}

#[derive(Debug, Default)]
struct Surface {
    began_with: Vec<u8>,
    bytes: Vec<u8>,
    history: Vec<Event>,
    sync_fails: bool,
    paused: bool,
    hanging: bool,
}

/// Syncs go on once this is dropped.
pub(super) struct Paused(Disk);

impl Drop for Paused {
    fn drop(&mut self) {
        self.0.0.surface.lock().unwrap().paused = false;
        self.0.0.hang.notify_all();
    }
}

impl Disk {
    pub(super) fn holding(bytes: Vec<u8>) -> Self {
        let disk = Self::default();
        {
            let mut surface = disk.0.surface.lock().unwrap();
            surface.began_with.clone_from(&bytes);
            surface.bytes = bytes;
        }
        disk
    }

    pub(super) fn fail_syncs(&self) {
        self.0.surface.lock().unwrap().sync_fails = true;
    }

    pub(super) fn pause(&self) -> Paused {
        self.0.surface.lock().unwrap().paused = true;
        Paused(self.clone())
    }

    pub(super) fn wait_for_a_sync_to_hang(&self) {
        let surface = self.0.surface.lock().unwrap();
        drop(self.0.hang.wait_while(surface, |surface| !surface.hanging).unwrap());
    }

    /// How many things it was asked so far.
    pub(super) fn asked(&self) -> usize {
        self.0.surface.lock().unwrap().history.len()
    }

    pub(super) fn history(&self) -> Vec<Event> {
        self.0.surface.lock().unwrap().history.clone()
    }

    /// What it held at first.
    pub(super) fn began_with(&self) -> Vec<u8> {
        self.0.surface.lock().unwrap().began_with.clone()
    }

    /// What the last sync has made durable.
    pub(super) fn durable(&self) -> Vec<u8> {
        let history = self.history();
        let synced = history.iter().rposition(|event| matches!(event, Event::Sync)).unwrap_or(0);
        let mut image = self.began_with();
        history[..synced].iter().for_each(|event| apply(&mut image, event));
        image
    }
}

pub(super) fn apply(image: &mut Vec<u8>, event: &Event) {
    match event {
        Event::Write { offset, data } => image[*offset..offset + data.len()].copy_from_slice(data),
        Event::SetLen(len) => image.resize(*len, 0),
        Event::Sync => {}
    }
}

/// The first bytes of a write, the rest as it was: power went while it was on its way.
pub(super) fn apply_torn(image: &mut [u8], event: &Event, bytes: usize) {
    if let Event::Write { offset, data } = event {
        let bytes = bytes.min(data.len());
        image[*offset..offset + bytes].copy_from_slice(&data[..bytes]);
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.0.surface.lock().unwrap().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        let surface = self.0.surface.lock().unwrap();
        let offset = usize::try_from(offset).unwrap();
        let bytes = surface.bytes.get(offset..offset + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.did(Event::SetLen(usize::try_from(len).unwrap()));
        Ok(())
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        let mut surface = self.0.surface.lock().unwrap();
        if surface.sync_fails {
            return Err(io::Error::other("the disk is gone"));
        }
        if surface.paused {
            surface.hanging = true;
            self.0.hang.notify_all();
            surface = self.0.hang.wait_while(surface, |surface| surface.paused).unwrap();
            surface.hanging = false;
        }
        surface.history.push(Event::Sync);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.did(Event::Write { offset: usize::try_from(offset).unwrap(), data: data.to_vec() });
        Ok(())
    }

    fn try_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(true)
    }

    fn unlock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }
}

impl Disk {
    fn did(&self, event: Event) {
        let mut surface = self.0.surface.lock().unwrap();
        apply(&mut surface.bytes, &event);
        surface.history.push(event);
    }
}
