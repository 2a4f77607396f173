//! Many actors in one request.

use actix_web::{post, web::Data};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{change_one, register_one, remove_one};
use crate::{
    access::{By, policy::needs},
    actors::{ActorId, NewActor},
    kernel::{
        Db, Patch, Reply, Result, Valid, Write,
        batch::{self, BatchOutcome, Create, Delete, Done, Update},
        contract::Contract,
        request::Call,
    },
};

/// Registers an actor.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateActor {
    #[schema(inline)]
    pub op: Create,
    pub actor: NewActor,
}

/// Changes an actor.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateActor {
    #[schema(inline)]
    pub op: Update,
    pub id: ActorId,
    /// The version that the change is made from. If the actor has another version, the operation is refused (412).
    pub version: i64,
    #[schema(value_type = Patch<NewActor>)]
    pub patch: Value,
}

/// Removes an actor.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteActor {
    #[schema(inline)]
    pub op: Delete,
    pub id: ActorId,
    /// The version that is removed. If the actor has another version, the operation is refused (412).
    pub version: i64,
}

/// One operation on one actor.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(untagged)]
#[schema(discriminator(property_name = "op", mapping(
    ("create" = "#/components/schemas/CreateActor"),
    ("update" = "#/components/schemas/UpdateActor"),
    ("delete" = "#/components/schemas/DeleteActor")
)))]
pub enum ActorOperation {
    Create(Box<CreateActor>),
    Update(UpdateActor),
    Delete(DeleteActor),
}

/// Operations on actors, carried out in the given order.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ActorBatch {
    /// Whether either all operations are done or none. The default is `false`.
    #[serde(default)]
    pub atomic: bool,
    #[schema(min_items = 1, max_items = 1000)]
    pub operations: Vec<ActorOperation>,
}

/// Change many actors
///
/// Up to 1,000 operations in one request, in the given order. Without `atomic` each operation succeeds or fails by itself, and
/// `items` has the outcome of each. With `atomic` the first refused operation refuses the whole request, and the faults point
/// to that operation.
#[utoipa::path(tag = "actors", operation_id = "batchActors", request_body = ActorBatch,
    responses((status = 201, description = "The outcome of each operation", body = BatchOutcome)))]
#[post("/actors/batch")]
pub(super) async fn change_many(
    by: By<needs::WriteActors>,
    batch: Valid<ActorBatch>,
    contract: Data<Contract>,
    db: Data<Db>,
) -> Result<Reply<BatchOutcome>> {
    let one = async |operation: &ActorOperation, w: &Write<'_>| match operation {
        ActorOperation::Create(new) => {
            let actor = register_one(&by, new.actor.clone(), w).await.map_err(|problem| problem.prefix_pointers("/actor"))?;
            Ok(Done { status: 201, id: actor.id.uuid(), version: actor.version })
        }
        ActorOperation::Update(UpdateActor { id, version, patch, .. }) => {
            let patch = Patch::from_members(patch.clone(), contract.clone().into_inner(), by.asked.secrecy.clone());
            let actor = change_one(&by, *id, Call::at(*version), &patch, w).await.map_err(|problem| problem.prefix_pointers("/patch"))?;
            Ok(Done { status: 200, id: id.uuid(), version: actor.version })
        }
        ActorOperation::Delete(DeleteActor { id, version, .. }) => {
            Ok(Done { status: 204, id: id.uuid(), version: remove_one(&by, *id, Call::at(*version), w).await? })
        }
    };
    db.write(&by, async |w| Reply::done("/actors", &batch::run(&batch.0.operations, batch.0.atomic, w, one).await?)).await
}
