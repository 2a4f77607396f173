//! The whole service put together, the same for `main` and for tests: middleware, routes, contract.

use std::{
    future::ready,
    io,
    net::{SocketAddr, TcpListener},
    sync::{Arc, LazyLock},
    time::Duration,
};

use actix_http::{HttpService, error::DispatchError};
use actix_service::{IntoServiceFactory, ServiceFactoryExt, map_config};
use actix_web::{
    App as ActixApp, Error,
    dev::{AppConfig, Server, ServerHandle, fn_service},
    middleware::{Compress, from_fn},
    web::{self, Data},
};
use tokio::net::TcpStream;
use utoipa_swagger_ui::{Config as SwaggerConfig, SwaggerUi};

use crate::{
    access::{
        self, Access, Limits,
        audit::Probes,
        federation::{self, Federation},
        letters::{Letters, pages as account},
        oauth,
    },
    codes,
    config::Config,
    exchange::{
        changes::{self, Followers},
        imports::target::Actors,
        webhooks::{AllowedReceivers, Webhooks},
    },
    guidance::packs,
    intake::{target::Target, worker::Worker},
    kernel::{
        Db, Remembered,
        clock::Clock,
        codings,
        connection::{Connection, Stopping, one_at_a_time},
        contract::{Contract, ROOT},
        db::OpenError,
        export::Turns,
        id::Ids,
        measures::{Caches, Calls},
        middleware::envelope,
        places::Places,
    },
    openapi::{self, Documents},
    records, routes,
    service::{
        health::{self, DatabaseCheck},
        kept::{self, AnswerCache},
        metrics::Metrics,
        pages, permissions,
    },
    statistics::observations::target::Observations,
};

/// The kinds of record that files can be imported as, one line for each.
#[must_use]
pub fn targets() -> Vec<Box<dyn Target>> {
    vec![Box::new(Actors), Box::new(Observations)]
}

/// The contract, compiled once. It is the same for every public address.
static CONTRACT: LazyLock<Result<Arc<Contract>, String>> =
    LazyLock::new(|| Contract::new(&openapi::document(openapi::CANONICAL_URL)).map(Arc::new));

/// A service that is ready to run.
pub struct App {
    config: Data<Config>,
    db: Data<Db>,
    access: Data<Access>,
    limits: Data<Limits>,
    calls: Data<Calls>,
    federation: Data<Federation>,
    contract: Data<Contract>,
    documents: Data<Documents>,
    remembered: Data<Remembered>,
    kept: Data<AnswerCache>,
    stopping: Data<Stopping>,
    letters: Data<Letters>,
    turns: Data<Turns>,
    places: Data<Places>,
    followers: Data<Followers>,
    webhooks: Data<Webhooks>,
    imports: Data<Worker>,
    probes: Data<Probes>,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("config", &self.config).finish_non_exhaustive()
    }
}

impl App {
    /// Opens the database, loads everything that the service needs, and puts it together.
    ///
    /// # Errors
    /// When the database or a setting cannot be used, with a sentence on the reason.
    pub async fn build(config: Config, clock: Clock, ids: Ids) -> Result<Self, OpenError> {
        let db = Db::open(&config.database(), records::ALL, config.migrate_on_start, clock, ids).await?;
        let failed = |problem: crate::kernel::Problem| OpenError::Database(problem.to_string());
        if config.reference_pack {
            packs::load(&db).await.map_err(failed)?;
        }
        config.may_serve().map_err(|error| OpenError::Setting(error.to_string()))?;
        let outbox = config.outbox().map_err(|error| OpenError::Database(format!("{}: {}", error.0, error.1)))?;
        let access = Access::load(config.tokens(), &db).await.map_err(failed)?;
        let federation =
            Federation::new(&config.identity_providers, &config.login_clients, &config.public_url).map_err(OpenError::Setting)?;
        let contract = CONTRACT.as_ref().map_err(|error| OpenError::Database(error.clone()))?;
        let allowed = AllowedReceivers::new(config.webhook_networks(), &config.public_url);
        let webhooks = Webhooks::new(allowed).map_err(OpenError::Setting)?;
        let calls = Calls::new(!config.metrics_listen.is_empty());
        let limits = Limits::new(config.limits(), &db.clock);
        let followers = Followers::new(config.followers_per_caller, config.followers);
        let imports = Worker::new(Arc::clone(contract), config.imports(), targets());
        Ok(Self {
            turns: Data::new(Turns::new(config.exports_per_caller, config.exports_at_once)),
            places: Data::new(Places::new(config.places())),
            documents: Data::new(Documents::new(&config.public_url)),
            config: Data::new(config),
            db: Data::new(db),
            access: Data::new(access),
            limits: Data::new(limits),
            calls: Data::new(calls),
            federation: Data::new(federation),
            contract: Data::from(Arc::clone(contract)),
            remembered: Data::new(Remembered::default()),
            kept: Data::default(),
            stopping: Data::new(Stopping::default()),
            letters: Data::new(Letters::new(outbox)),
            followers: Data::new(followers),
            webhooks: Data::new(webhooks),
            imports: Data::new(imports),
            probes: Data::default(),
        })
    }

    /// The database, for commands and tests.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// Access, for commands and tests.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// The worker of imports, for commands at the console.
    #[must_use]
    pub fn imports(&self) -> &Worker {
        &self.imports
    }

    /// Listens on the address of the API.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub fn listen(&self) -> io::Result<TcpListener> {
        let address: SocketAddr = self.config.listen.parse().map_err(io::Error::other)?;
        TcpListener::bind(address)
    }

    /// Listens on the address of the measurements, if there is one.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub fn listen_for_metrics(&self) -> io::Result<Option<TcpListener>> {
        if self.config.metrics_listen.is_empty() {
            return Ok(None);
        }
        let address: SocketAddr = self.config.metrics_listen.parse().map_err(io::Error::other)?;
        TcpListener::bind(address).map(Some)
    }

    /// Serves the measurements until the process ends.
    ///
    /// # Errors
    /// When the server cannot run.
    pub fn serve_metrics(&self, listener: TcpListener) -> io::Result<()> {
        let cache = if crate::kernel::table::is_postgres(self.db.backend()) { 0 } else { self.config.database_cache_mebibytes << 20 };
        let (db, access, places) = ((self.db.clone(), cache), self.access.clone(), self.places.clone());
        let (limits, remembered, kept) = (self.limits.clone(), self.remembered.clone(), self.kept.clone());
        let note = move |caches: &Caches| {
            limits.note_caches(caches);
            remembered.note_caches(caches);
            kept.note_caches(caches);
            crate::registry::actors::matching::note_caches(caches);
        };
        let metrics = Metrics::new(db, access, places, &self.limits, &self.calls, Box::new(note));
        actix_web::rt::spawn(metrics.serve(listener)?);
        Ok(())
    }

    /// Serves until its handle stops it. Also starts the work in the background.
    ///
    /// # Errors
    /// When the server cannot run.
    pub fn serve(&self, listener: TcpListener) -> io::Result<(Server, ServerHandle)> {
        let (envelope_data, terms) = (Data::new(self.config.envelope()), Data::new(self.config.retention()));
        let (config, db, access, contract) = (self.config.clone(), self.db.clone(), self.access.clone(), self.contract.clone());
        let federation = self.federation.clone();
        let (documents, remembered, stopping) = (self.documents.clone(), self.remembered.clone(), self.stopping.clone());
        let (letters, turns, followers) = (self.letters.clone(), self.turns.clone(), self.followers.clone());
        let (places, database_check, kept) = (self.places.clone(), Data::new(DatabaseCheck::default()), self.kept.clone());
        let webhooks = self.webhooks.clone();
        let (imports, probes) = (self.imports.clone(), self.probes.clone());
        self.start_background_work();
        let (limits, calls) = (self.limits.clone(), self.calls.clone());
        let app = move || {
            ActixApp::new()
                .app_data(envelope_data.clone())
                .app_data(config.clone())
                .app_data(terms.clone())
                .app_data(db.clone())
                .app_data(access.clone())
                .app_data(limits.clone())
                .app_data(calls.clone())
                .app_data(federation.clone())
                .app_data(contract.clone())
                .app_data(documents.clone())
                .app_data(remembered.clone())
                .app_data(stopping.clone())
                .app_data(letters.clone())
                .app_data(turns.clone())
                .app_data(followers.clone())
                .app_data(webhooks.clone())
                .app_data(imports.clone())
                .app_data(places.clone())
                .app_data(database_check.clone())
                .app_data(kept.clone())
                .app_data(probes.clone())
                .wrap(from_fn(kept::serve_cached))
                .wrap(from_fn(access::limited))
                .wrap(from_fn(envelope))
                .wrap(Compress::default())
                .wrap(from_fn(codings::name_in_tag))
                .wrap(from_fn(one_at_a_time))
                .service(web::scope(ROOT).wrap(from_fn(codes::resolve)).wrap(from_fn(access::authenticate)).configure(|plain| {
                    routes::api(&mut utoipa_actix_web::service_config::ServiceConfig::new(plain));
                }))
                .service(health::live)
                .service(health::ready)
                .service(pages::home)
                .service(pages::style)
                .service(pages::problems)
                .service(pages::problem)
                .service(pages::openapi_json)
                .service(pages::openapi_older)
                .service(pages::openapi_yaml)
                .service(pages::jwks)
                .service(federation::authorize)
                .service(federation::callback)
                .service(account::account)
                .service(account::script)
                .service(oauth::metadata)
                .service(oauth::give_token)
                .service(oauth::revoke)
                .service(oauth::introspect)
                .service(pages::catalog)
                .service(pages::security)
                .service(pages::docs)
                // It comes before the pages of the contract, which take all addresses below this one.
                .service(permissions::permissions)
                .service(SwaggerUi::new("/docs/{_:.*}").config(SwaggerConfig::from("/openapi.json").validator_url("none")))
                .default_service(web::to(pages::unserved))
        };
        let address = listener.local_addr()?;
        let header_time = Duration::from_secs(self.config.header_seconds);
        let workers = match self.config.workers {
            0 => std::thread::available_parallelism().map_or(2, usize::from),
            workers => workers,
        };
        let builder = Server::build()
            .workers(workers)
            .max_concurrent_connections(self.config.connections)
            .shutdown_timeout(self.config.stop_seconds)
            .disable_signals();
        let ending = builder.graceful_shutdown_signal();
        // As in `HttpServer`, but with our own type of connection.
        let server = builder.listen("samsyn", listener, move || {
            let ending = ending.clone();
            let app = app().into_factory().map_err(|error: Error| error.error_response());
            let calls = HttpService::build()
                .graceful_shutdown_signal(move || {
                    let ending = ending.clone();
                    async move { ending.notified().await }
                })
                .client_request_timeout(header_time)
                // A call whose client has hung up is cancelled.
                .h1_allow_half_closed(false)
                .client_disconnect_timeout(Duration::from_secs(1))
                .local_addr(address)
                .on_connect_ext(|connection: &Connection, data| connection.share_state(data))
                .h1(map_config(app, |()| AppConfig::default()));
            fn_service(move |stream: TcpStream| ready(Ok::<_, DispatchError>(Connection::new(stream, header_time)))).and_then(calls)
        })?;
        let server = server.run();
        let handle = server.handle();
        actix_web::rt::spawn(access::audit::keep_linking(self.db.clone()));
        Ok((server, handle))
    }

    /// Starts the work in the background, which ends with the server's runtime.
    fn start_background_work(&self) {
        let (letters, db) = (self.letters.clone(), self.db.clone());
        actix_web::rt::spawn(async move { letters.run(&db).await });
        let (imports, access, db) = (self.imports.clone(), self.access.clone(), self.db.clone());
        actix_web::rt::spawn(async move { Box::pin(imports.run(&access, &db)).await });
        let (limits, db) = (self.limits.clone(), self.db.clone());
        actix_web::rt::spawn(async move { limits.keep_shared(&db).await });
        let (probes, db) = (self.probes.clone(), self.db.clone());
        actix_web::rt::spawn(async move { probes.keep_noting(&db).await });
        let db = self.db.clone();
        actix_web::rt::spawn(async move { changes::run_position_loop(&db).await });
        let db = self.db.clone();
        // On the runtime itself, because its connection cannot be dropped outside.
        tokio::spawn(async move { changes::listen(&db).await });
        let (days, db) = (self.config.feed_days, self.db.clone());
        actix_web::rt::spawn(async move { changes::run_removal_loop(days, &db).await });
        let (webhooks, access, contract) = (self.webhooks.clone(), self.access.clone(), self.contract.clone());
        actix_web::rt::spawn(Webhooks::run(webhooks, access, contract, self.db.clone()));
    }

    /// Stops the server: callers that wait for changes are answered, and calls in progress end.
    pub async fn stop(&self, handle: &ServerHandle) {
        self.db.feed.stop();
        handle.stop(true).await;
    }

    /// Ends the work in the background, and closes the database.
    pub async fn close(&self) {
        self.webhooks.stop().await;
        self.probes.note_all(&self.db).await;
        self.db.close().await;
    }

    /// Announces that the service is about to stop: readiness fails, so that load balancers send calls elsewhere, and each
    /// connection is closed after its next answer.
    pub fn announce_stop(&self) {
        self.stopping.begin();
    }

    /// The time between the announcement and the stop.
    #[must_use]
    pub fn stop_delay(&self) -> Duration {
        Duration::from_millis(self.config.stop_delay_milliseconds)
    }
}
