//! Finds a page of a search by walking along the list in its order, when so much is found that the walk is short.

use sea_orm::{
    EntityTrait, ModelTrait, QueryFilter, QuerySelect, Select, Value,
    sea_query::{Expr, ExprTrait, SimpleExpr},
};

use super::{Key, after_condition, has_one_direction, in_order};
use crate::{Db, db::Read, problem::Result, search::Search};

/// The rows of each stretch of the walk, for each row that is wanted.
const STRETCHES: [u64; 2] = [4, 100];

/// Returns the first `wanted` rows that are found after the row with the keys `after`, in the order of the list; all that follow, when
/// there are fewer. `None` means that the walk was given up, since too little lies at its beginning.
pub(super) async fn find<E>(
    select: &Select<E>,
    search: &Search<E::Model>,
    keys: &[Key<E::Model>],
    after: Option<&[Value]>,
    wanted: u64,
    read: Option<Read<E::Model>>,
    db: &Db,
) -> Result<Option<Vec<E::Model>>>
where
    E: EntityTrait,
    E::Model: ModelTrait<Entity = E> + Send + Sync,
{
    let parts = search.parts();
    // When the list has parts, the first key is the number of the part. It is the same for all rows of a part.
    let (keys, begun, mut after) = match (parts.len(), after) {
        (1, after) => (keys, 0, after.map(<[_]>::to_vec)),
        (_, Some([Value::BigInt(Some(part)), after @ ..])) => (&keys[1..], usize::try_from(*part).unwrap_or(0), Some(after.to_vec())),
        (_, _) => (&keys[1..], 0, None),
    };
    if !has_one_direction(keys) {
        return Ok(None);
    }
    let mut found = Vec::new();
    for part in parts.into_iter().skip(begun) {
        let part = select.clone().filter(part);
        let mut stretches = STRETCHES.iter();
        loop {
            let Some(stretch) = stretches.next() else { return Ok(None) };
            let rest = match after.take() {
                Some(after) => part.clone().filter(after_condition(keys, &after)),
                None => part.clone(),
            };
            let end = in_order(rest.clone(), keys).offset(stretch * wanted).limit(1);
            let end = db.reader().rows(end, read).await?;
            let end: Option<Vec<Value>> = end.first().map(|row| keys.iter().map(|key| (key.value)(row)).collect());
            let walked = match &end {
                Some(end) => rest.filter(up_to(keys, end)),
                None => rest,
            };
            let missing = wanted - found.len() as u64;
            let hits = in_order(walked.filter(search.by_words()), keys).limit(missing);
            found.extend(db.reader().rows(hits, read).await?);
            if found.len() as u64 == wanted {
                return Ok(Some(found));
            }
            if end.is_none() {
                break;
            }
            after = end;
        }
    }
    Ok(Some(found))
}

/// Returns the condition for the rows up to the row with the keys `end`. All keys have the same direction.
fn up_to<M>(keys: &[Key<M>], end: &[Value]) -> SimpleExpr {
    let row = Expr::tuple(keys.iter().map(|key| key.by.clone()));
    let end = Expr::tuple(end.iter().cloned().map(Expr::val));
    if keys.iter().any(|key| key.descending) { row.gte(end) } else { row.lte(end) }
}
