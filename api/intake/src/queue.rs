//! The order in which received files are read. One file is read at a time, and the callers take turns: a caller whose
//! file has been read waits until every other waiting caller has had one file read, however many files it has sent.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot::{self, Sender};

/// The files that wait to be read at this instance.
#[derive(Clone, Debug, Default)]
pub struct Queue(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// The caller whose file is being read.
    reader: Option<String>,
    /// The waiting callers in the order of their turns, each with its files in the order of arrival.
    waiting: VecDeque<(String, VecDeque<Sender<Reading>>)>,
}

/// The turn to read a file. When it is dropped, the turn passes to the next file.
#[derive(Debug)]
pub struct Reading(Queue);

impl Queue {
    /// Waits for the turn to read a file. A caller that stops waiting loses its place.
    pub async fn turn(&self, who: &str) -> Option<Reading> {
        self.line_up(who)?.await.ok()
    }

    /// Takes the turn if it is free, and otherwise a place in the queue.
    fn line_up(&self, who: &str) -> Option<oneshot::Receiver<Reading>> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.state();
        if state.reader.is_none() {
            state.reader = Some(who.to_owned());
            drop(state);
            sender.send(Reading(self.clone())).ok()?;
        } else if let Some((_, files)) = state.waiting.iter_mut().find(|(known, _)| known == who) {
            files.push_back(sender);
        } else {
            state.waiting.push_back((who.to_owned(), VecDeque::from([sender])));
        }
        Some(receiver)
    }

    /// Passes the turn to the caller that has waited longest.
    fn hand_on(&self) {
        // If the receiver is gone, dropping the turn calls this function again. Therefore the lock must not be held here.
        if let Some(next) = self.next() {
            drop(next.send(Reading(self.clone())));
        }
    }

    fn next(&self) -> Option<Sender<Reading>> {
        let mut state = self.state();
        let state = &mut *state;
        // A caller that sent another file while its first was read has had its turn.
        let before = state.reader.take();
        if let Some(at) = state.waiting.iter().position(|(who, _)| Some(who) == before.as_ref()) {
            let last = state.waiting.remove(at);
            state.waiting.extend(last);
        }
        loop {
            let (who, mut files) = state.waiting.pop_front()?;
            files.retain(|file| !file.is_closed());
            let Some(file) = files.pop_front() else { continue };
            state.reader = Some(who.clone());
            if !files.is_empty() {
                state.waiting.push_back((who, files));
            }
            return Some(file);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.0.hand_on();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_turn_goes_round_and_nobody_waits_behind_a_caller_with_many_files() {
        let queue = Queue::default();
        let mut lined: Vec<_> = ["a", "a", "a", "b", "a", "c", "b"].map(|who| (who, queue.line_up(who).unwrap())).into();
        let mut order = String::new();
        while !lined.is_empty() {
            let at = lined.iter().position(|(_, turn)| !turn.is_empty()).unwrap();
            let (who, mut turn) = lined.remove(at);
            order.push_str(who);
            assert!(lined.iter().all(|(_, turn)| turn.is_empty()), "one at a time");
            if order == "ab" {
                // A caller that arrives now waits for one file of each caller that waits already.
                lined.push(("d", queue.line_up("d").unwrap()));
            }
            drop(turn.try_recv().unwrap());
        }
        assert_eq!(order, "abcadbaa");
        assert!(queue.state().reader.is_none() && queue.state().waiting.is_empty());
    }

    #[test]
    fn who_gives_up_holds_up_nobody() {
        let queue = Queue::default();
        let mut first = queue.line_up("a").unwrap();
        let (gone, other) = (queue.line_up("b").unwrap(), queue.line_up("c").unwrap());
        let turn = first.try_recv().unwrap();
        drop(gone);
        drop(turn);
        // It has been given the turn, and gives up before it takes it.
        assert!(!other.is_empty());
        let mut last = queue.line_up("d").unwrap();
        drop(other);
        drop(last.try_recv().unwrap());
        assert!(queue.state().reader.is_none());
    }
}
