//! Limits for letters that a user causes to be sent to others. They are counted by sender and by recipient, in the
//! transaction that writes the letter. Therefore all instances share the counts, and a refused call counts nothing.

use chrono::TimeDelta;

use super::{Limits, Refused, store};
use crate::kernel::{Problem, Result, Write, hash::sha256_hex, problem::Kind, request::Call, say, text};

/// The time for which a letter counts.
pub(super) const DAY: TimeDelta = TimeDelta::days(1);

impl Limits {
    /// Counts a letter that a caller causes to be sent to an address.
    ///
    /// # Errors
    /// When the caller has caused too many letters within a day, or the address has received too many (429).
    pub async fn count_letter(&self, call: &Call, recipient: &str, w: &Write<'_>) -> Result<()> {
        let caller = call.author.user.map_or_else(|| call.author.address.clone(), |user| user.to_string());
        let recipient = text::composed(recipient.trim()).to_lowercase();
        // The stored key is a digest, so that it reveals no address.
        let key = |what: &str, who: &str| format!("{}{}", store::LETTER_PREFIX, sha256_hex(format!("{what} {who}").as_bytes()));
        let quotas = [
            (key("caller", &caller), self.settings.letters_per_caller, true),
            (key("recipient", &recipient), self.settings.letters_per_recipient, false),
        ];
        let keys: Vec<String> = quotas.iter().filter(|(_, quota, _)| *quota > 0).map(|(key, ..)| key.clone()).collect();
        if keys.is_empty() {
            return Ok(());
        }
        let counted = store::count(&keys, w.now, DAY, &w.tx).await?;
        for (key, quota, own) in quotas {
            let Some(found) = counted.iter().find(|found| found.key == key) else { continue };
            if u64::try_from(found.count).unwrap_or_default() > quota {
                self.refused.get_or_create(&Refused { policy: "letters" }).inc();
                let seconds = (found.window_start + DAY - w.now).num_seconds().clamp(1, DAY.num_seconds());
                return Err(too_many(own, quota, seconds));
            }
        }
        Ok(())
    }
}

fn too_many(own: bool, quota: u64, seconds: i64) -> Problem {
    let hours = (seconds + 3599) / 3600;
    let detail = if own {
        say!(
            "Du har orsakat {quota} brev till andra på ett dygn, som är det högsta antalet. Försök igen om {hours} timmar, eller be driften höja gränsen.",
            "You have caused {quota} letters to others in a day, which is the most. Try again in {hours} hours, or ask the operator to raise the limit."
        )
    } else {
        say!(
            "Till den adressen har det redan gått {quota} brev på ett dygn, som är det högsta antalet. Försök igen om {hours} timmar.",
            "{quota} letters have gone to that address in a day already, which is the most. Try again in {hours} hours."
        )
    };
    Problem::new(Kind::TooManyRequests).header("Retry-After", seconds.to_string()).detail(detail)
}
