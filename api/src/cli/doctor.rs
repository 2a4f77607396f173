use super::Outcome;
use crate::{
    config::Config,
    kernel::{Db, clock::Clock, id::Ids},
    records,
};

/// Checks what `serve` needs, one thing after the other, and prints what to do about a failure.
pub(super) async fn run(config: Config) -> Outcome {
    println!("ok    the configuration can be used");
    for warning in config.warnings() {
        println!("warn  {warning}");
    }
    config.may_serve()?;
    let db = match Db::open(&config.database(), records::ALL, false, Clock::System, Ids::Random).await {
        Ok(db) => db,
        Err(error) => {
            println!("fail  {error}");
            return Err("the service could not run".into());
        }
    };
    println!("ok    the database answers and is of this program's version");
    let actors = crate::registry::actors::store::count(db.reader()).await?;
    println!("ok    there are {actors} actors");
    match std::net::TcpListener::bind(&config.listen) {
        Ok(_) => println!("ok    {} can be listened on", config.listen),
        Err(error) => println!("warn  {} cannot be listened on: {error}. Is the service running already?", config.listen),
    }
    if config.public_url.starts_with("http://") {
        println!("warn  public_url is not https; behind a proxy with TLS set it to the address that users see");
    }
    db.close().await;
    Ok(())
}
