//! Limits how many calls wait for changes at once, so that waiting calls cannot exhaust the service.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use actix_web::web::Data;
use uuid::Uuid;

use crate::kernel::{Problem, Result, problem::Kind, say};

/// The calls that wait for changes or stream them, counted for each user on this instance.
#[derive(Debug)]
pub struct Followers {
    each: usize,
    all: usize,
    waiting: Mutex<HashMap<Uuid, usize>>,
}

/// One counted call. It is released when dropped.
#[derive(Debug)]
pub(super) struct Place {
    user: Uuid,
    followers: Data<Followers>,
}

impl Followers {
    /// Allows at most `each` calls for each user and `all` calls in total.
    #[must_use]
    pub fn new(each: usize, all: usize) -> Self {
        Self { each, all, waiting: Mutex::default() }
    }

    /// Counts one more call of a user; all calls without a user count as one.
    ///
    /// # Errors
    /// When the user has too many waiting calls (429) or the instance has (503).
    pub(super) fn enter(followers: &Data<Self>, user: Option<Uuid>) -> Result<Place> {
        let user = user.unwrap_or_default();
        let mut waiting = followers.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let (each, all) = (followers.each, waiting.values().sum::<usize>());
        let own = waiting.get(&user).copied().unwrap_or_default();
        if own >= each {
            return Err(Problem::new(Kind::TooManyRequests).header("Retry-After", "5").detail(say!(
                "Du väntar redan på ändringar i {each} anrop, och fler kan inte vänta samtidigt. Avsluta något av dem, eller fråga utan wait och utan ström.",
                "You already wait for changes in {each} calls, and no more can wait at once. End one of them, or ask without wait and without a stream."
            )));
        }
        if all >= followers.all {
            return Err(Problem::new(Kind::Unavailable).header("Retry-After", "5").detail(say!(
                "Så många som kan vänta på ändringar samtidigt gör det redan. Försök igen om en stund, eller fråga utan wait och utan ström.",
                "As many as can wait for changes at once already do. Try again in a while, or ask without wait and without a stream."
            )));
        }
        waiting.insert(user, own + 1);
        Ok(Place { user, followers: followers.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = self.followers.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = waiting.get_mut(&self.user) {
            *count -= 1;
            if *count == 0 {
                waiting.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_given_back() -> Result<()> {
        let followers = Data::new(Followers::new(2, 3));
        let enter = |user: u128| Followers::enter(&followers, Some(Uuid::from_u128(user)));
        let refused = |user| enter(user).err().map(|problem| problem.kind);
        let first = enter(1)?;
        let _second = enter(1)?;
        assert_eq!(refused(1), Some(Kind::TooManyRequests));
        let _third = enter(2)?;
        assert_eq!(refused(2), Some(Kind::Unavailable));
        drop(first);
        enter(2).map(drop)
    }
}
