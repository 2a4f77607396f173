use tokio::signal::unix::{SignalKind, signal};

use super::Outcome;
use crate::{
    app::App,
    config::Config,
    kernel::{clock::Clock, id::Ids, logs},
};

/// Serves until the process is told to stop.
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

/// Starts the log in the configured form, which includes panics.
pub(super) fn log(config: &Config) -> Outcome {
    logs::start(&config.log, &config.log_format, std::io::stderr).map_err(|error| error.to_string())?;
    logs::log_panics();
    Ok(())
}

/// Listens and serves until a signal. On SIGTERM readiness fails first; then, as on SIGINT at once, no new calls are accepted and
/// the last answers are given.
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
            // A load balancer learns from readiness before calls are refused. A second signal skips that wait.
            app.announce_stop();
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
