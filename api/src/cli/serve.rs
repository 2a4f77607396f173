use tokio::signal::unix::{SignalKind, signal};

use super::Outcome;
use crate::{
    app::App,
    config::Config,
    kernel::{clock::Clock, id::Ids, logs},
};

/// Serves until told to stop.
pub(super) fn run(config: Config) -> Outcome {
    log(&config)?;
    for warning in config.warnings() {
        tracing::warn!(setting = warning.setting, "{}", warning.sentence);
    }
    super::block_on(async move {
        let app = App::build(config, Clock::System, Ids::Random).await?;
        serve(&app, |address| tracing::info!(%address, "listening")).await
    })
}

/// Where the log goes and in which form.
pub(super) fn log(config: &Config) -> Outcome {
    logs::start(&config.log, &config.log_format, std::io::stderr).map_err(|error| error.to_string())?;
    logs::take_panics();
    Ok(())
}

/// Listens, serves, and stops as asked: readiness first, then no new calls, then the last answers.
///
/// # Errors
/// When the service cannot listen or run.
pub async fn serve(app: &App, ready: impl FnOnce(std::net::SocketAddr)) -> Outcome {
    let listener = app.listen()?;
    let address = listener.local_addr()?;
    if let Some(listener) = app.listen_for_metrics()? {
        app.serve_metrics(listener)?;
    }
    let (server, handle) = app.serve(listener)?;
    ready(address);
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let running = actix_web::rt::spawn(server);
    tokio::select! {
        _ = terminate.recv() => {
            // A balancer learns of it by readiness before calls are refused; who insists does not wait for that.
            app.stop_soon();
            tracing::info!("about to stop");
            tokio::select! {
                () = tokio::time::sleep(app.stop_delay()) => {}
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    app.stop(&handle).await;
    running.await??;
    app.close().await;
    Ok(())
}
