//! Performs the effects that `update` requests. Long tasks run in the background and answer with a message.

mod completion;
pub mod items;
pub mod source_cache;
mod stores;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::SecretString;
use tokio::sync::mpsc::Sender;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::source_cache::SourceCache;
use super::effect::{Effect, Job, Msg};
use super::model::endpoint::EndpointRef;
use super::model::question::Question;
use super::source_tree::RUNS_PER_READ;
use crate::engine::validate::{Validate, validate};
use crate::engine::{
    self, AppSummary, Arn, CheckReport, Control, Endpoint, Export, Import, NewApp, Pending, Progress,
    ProgressSnapshot, Provision, Provisioning, Session, StateDir, WizardFiles, browse, check_source,
    check_target, open,
};
use crate::entities::ExperimentId;
use crate::error::{Error, Result};
use crate::plan::Plan;

pub struct EffectRunner {
    messages: Sender<Msg>,
    state: StateDir,
    files: WizardFiles,
    job: Arc<Mutex<RunningJob>>,
    /// The source that the tree shows, as an open connection.
    browsed: Arc<SourceCache>,
    /// The number of runs to fetch for each experiment that is being read.
    wanted: Mutex<HashMap<ExperimentId, watch::Sender<usize>>>,
    /// Cancels the running size scan.
    size_scan: Mutex<CancellationToken>,
}

/// The running job. The user may stop it before it has begun.
#[derive(Default)]
struct RunningJob {
    running: Option<(Control, Arc<Progress>)>,
    /// Cancels the opening of both ends.
    stop: CancellationToken,
}

impl EffectRunner {
    pub fn new(messages: Sender<Msg>, state: StateDir, files: WizardFiles) -> Self {
        Self {
            messages,
            state,
            files,
            job: Arc::default(),
            browsed: Arc::default(),
            wanted: Mutex::default(),
            size_scan: Mutex::default(),
        }
    }

    /// Performs an effect. Returns a message if there is an immediate result.
    pub fn perform(&self, effect: Effect) -> Option<Msg> {
        match effect {
            Effect::Check { at, attempt } => self.spawn(async move {
                let end = at.end;
                let result = check_end(at).await.map(Box::new);
                Msg::Checked { end, attempt, result }
            }),
            Effect::FindStores { folder, access } => {
                let messages = self.messages.clone();
                tokio::spawn(async move { stores::find(folder, *access, &messages).await });
            }
            Effect::CompletePath(request) => self.spawn(async move {
                let text = request.text.clone();
                let names = tokio::task::spawn_blocking(move || completion::complete(&request)).await;
                let names = names.unwrap_or_else(|error| Err(Error::permanent(error.to_string())));
                Msg::Completed { text, result: names.map_err(|error| error.to_string()) }
            }),
            Effect::Preflight { ends, output_dir, plan, attempt } => {
                let (messages, [source, target]) = (self.messages.clone(), *ends);
                self.spawn(async move {
                    let ask = engine::Preflight {
                        source: Some((source.uri, source.access)),
                        target: Some((target.uri, target.access)),
                        output_dir,
                        plan: *plan,
                    };
                    Msg::PreflightFinished { attempt, result: preflight(ask, attempt, &messages).await }
                });
            }
            Effect::LoadSource(at) => {
                // Stops readers of the previous source.
                lock(&self.wanted).clear();
                lock(&self.size_scan).cancel();
                let (browsed, messages) = (Arc::clone(&self.browsed), self.messages.clone());
                tokio::spawn(async move { source_cache::holdings(at, &browsed, &messages).await });
            }
            Effect::Apps(region) => self.spawn(async move { Msg::Apps(apps(region.as_deref()).await) }),
            Effect::CreateApp { new, region } => {
                let (messages, state) = (self.messages.clone(), self.state.clone());
                self.spawn(async move {
                    Msg::AppReady(create_app(&new, region.as_deref(), &state, &messages).await)
                });
            }
            Effect::AwaitApp(arn) => {
                let (messages, state) = (self.messages.clone(), self.state.clone());
                self.spawn(async move { Msg::AppReady(await_app(&arn, &state, &messages).await) });
            }
            Effect::OpenApp(arn) => self.spawn(async move { Msg::AppLink(link(&arn).await) }),
            Effect::LoadExperiment { at, experiment } => {
                let (sender, wanted) = watch::channel(RUNS_PER_READ);
                lock(&self.wanted).insert(experiment.id.clone(), sender);
                let (browsed, messages) = (Arc::clone(&self.browsed), self.messages.clone());
                tokio::spawn(async move {
                    source_cache::contents(at, &browsed, *experiment, wanted, &messages).await;
                });
            }
            Effect::MoreRuns { experiment, wanted } => {
                if let Some(sender) = lock(&self.wanted).get(&experiment) {
                    sender.send_replace(wanted);
                }
            }
            Effect::Versions { at, model } => self.with_endpoint(at, |of, source| async move {
                let result = match source {
                    Ok(source) => browse::versions(&source, &model).await,
                    Err(error) => Err(error),
                };
                Msg::Versions { of, model: model.name, result }
            }),
            Effect::LoadDetails { at, subject } => self.with_endpoint(at, |of, source| async move {
                let result = source_cache::read_details(source, &subject).await;
                Msg::DetailsLoaded { of, subject, result }
            }),
            Effect::Sample { at, experiments } => self.with_endpoint(at, |of, source| async move {
                Msg::Sampled { of, sampled: source_cache::sample(source, experiments).await }
            }),
            Effect::MeasureSizes { at, experiment, runs } => {
                let token = CancellationToken::new();
                *lock(&self.size_scan) = token.clone();
                let (browsed, messages) = (Arc::clone(&self.browsed), self.messages.clone());
                let size_scan =
                    async move { source_cache::measure(at, &browsed, experiment, runs, &messages).await };
                tokio::spawn(token.run_until_cancelled_owned(size_scan));
            }
            Effect::StopMeasuring => lock(&self.size_scan).cancel(),
            Effect::Needed { at, plan } => self.with_endpoint(at, |of, source| async move {
                let result = match source {
                    Ok(source) => browse::needed(&source, &plan).await,
                    Err(error) => Err(error),
                };
                Msg::Needed { of, plan, result }
            }),
            Effect::LoadCurve(drawing) => self.spawn(async move {
                let (source_id, metric) = (drawing.source_id.clone(), drawing.metric.clone());
                Msg::CurveLoaded { source_id, metric, result: items::curve(*drawing).await }
            }),
            Effect::Recheck(item) => {
                let state = self.state.clone();
                self.spawn(async move {
                    let difference = Box::new(item.difference.clone());
                    // The future is large, like every job.
                    let result = Box::pin(items::recheck(*item, state)).await;
                    Msg::Rechecked { difference, result }
                });
            }
            Effect::Retry(retry) => {
                let state = self.state.clone();
                self.spawn(async move {
                    let failed = Box::new(retry.failed.clone());
                    // The future is large, like every job.
                    Msg::Retried { failed, result: Box::pin(items::retry(*retry, state)).await }
                });
            }
            Effect::Start(job) => self.start(*job),
            Effect::Pause(paused) => {
                if let Some((control, _)) = &self.handle().running {
                    control.set_paused(paused);
                }
            }
            Effect::Stop => {
                let handle = self.handle();
                match &handle.running {
                    Some((control, _)) => control.stop(),
                    None => handle.stop.cancel(),
                }
            }
            Effect::Save(session) => return self.save(&session),
            Effect::Forget => Session::forget(&self.files.session()),
            Effect::WritePlan(plan) => {
                let file = self.files.plan();
                return as_notice(write_plan(&file, &plan).map_err(|e| e.at(file.display())));
            }
            Effect::SavePlan { plan, to } => {
                let result = save_plan(&to, &plan);
                let result = result.map(|()| format!("the plan is in {}", to.display()));
                return Some(answered(Question::SavePlan, result));
            }
            Effect::ReadPlan(from) => {
                let result = read_plan(&from);
                return Some(Msg::PlanRead { from, result });
            }
            Effect::Copy { from, to } => {
                let copied = std::fs::copy(&from, &to).map_err(|e| Error::from(e).at(to.display()));
                let result = copied.map(|_| format!("the report is in {}", to.display()));
                return Some(answered(Question::Report, result));
            }
            // The event loop handles these effects because they concern the screen.
            Effect::Redraw | Effect::Clip(_) | Effect::Suspend | Effect::Quit(_) => {}
        }
        None
    }

    /// The counters of the running job.
    pub fn reading(&self) -> Option<ProgressSnapshot> {
        self.handle().running.as_ref().map(|(_, progress)| progress.read())
    }

    fn save(&self, session: &Session) -> Option<Msg> {
        // The session contains nothing that is worth resuming.
        if session.source.is_empty() {
            return None;
        }
        as_notice(session.save(&self.files.session()))
    }

    fn spawn(&self, answer: impl Future<Output = Msg> + Send + 'static) {
        let messages = self.messages.clone();
        tokio::spawn(async move {
            // The receiver is gone if the user has left the wizard.
            let _ = messages.send(answer.await).await;
        });
    }

    /// Sends a request to the source that the tree shows.
    fn with_endpoint<F>(
        &self,
        at: EndpointRef,
        ask: impl FnOnce(String, Result<Arc<Endpoint>>) -> F + Send + 'static,
    ) where
        F: Future<Output = Msg> + Send,
    {
        let browsed = Arc::clone(&self.browsed);
        self.spawn(async move {
            let of = at.location.clone();
            ask(of, source_cache::opened(at, &browsed).await).await
        });
    }

    fn start(&self, job: Job) {
        *self.handle() = RunningJob::default();
        let (handle, messages, state) = (Arc::clone(&self.job), self.messages.clone(), self.state.clone());
        self.spawn(async move {
            let result = run(job, state, &handle, &messages).await;
            lock(&handle).running = None;
            Msg::JobFinished(result)
        });
    }

    fn handle(&self) -> std::sync::MutexGuard<'_, RunningJob> {
        lock(&self.job)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn as_notice(result: Result<()>) -> Option<Msg> {
    result.err().map(|error| Msg::Notice(error.to_string()))
}

async fn apps(region: Option<&str>) -> Result<(String, Vec<AppSummary>)> {
    let provision = Provision::open(region).await?;
    Ok((provision.region().to_owned(), provision.list().await?))
}

/// Returns the ARN once the App is ready. The ARN is stored before the wait begins.
async fn create_app(
    new: &NewApp,
    region: Option<&str>,
    state: &StateDir,
    messages: &Sender<Msg>,
) -> Result<String> {
    let provision = Provision::open(region).await?;
    let made = provision.create(new, state, |news| send_progress(messages, news)).await?;
    wait(&provision, &made.arn, state, messages).await
}

async fn await_app(arn: &str, state: &StateDir, messages: &Sender<Msg>) -> Result<String> {
    let arn = Arn::parse(arn)?;
    wait(&Provision::of(&arn).await?, &arn, state, messages).await
}

async fn wait(provision: &Provision, arn: &Arn, state: &StateDir, messages: &Sender<Msg>) -> Result<String> {
    let waited = provision.wait(arn, |news| send_progress(messages, news)).await;
    Pending::clear_if_done(state, arn, &waited)?;
    Ok(waited?.listed.arn)
}

/// This message can be dropped if the channel is full: the next one contains the same status.
fn send_progress(messages: &Sender<Msg>, news: &Provisioning) {
    let _ = messages.try_send(Msg::AppProgress(news.clone()));
}

async fn link(arn: &str) -> Result<SecretString> {
    let arn = Arn::parse(arn)?;
    Provision::of(&arn).await?.link(&arn).await
}

/// Each line is sent when it arrives, and no line is dropped.
async fn preflight(ask: engine::Preflight, attempt: u64, messages: &Sender<Msg>) -> Result<()> {
    let (sender, mut lines) = tokio::sync::mpsc::unbounded_channel();
    let forward = async {
        while let Some(line) = lines.recv().await {
            // The receiver is gone if the user has left the wizard.
            let _ = messages.send(Msg::Preflight { attempt, line: Box::new(line) }).await;
        }
    };
    let check = async move {
        let mut send = |line: &engine::Line| {
            let _ = sender.send(line.clone());
        };
        engine::preflight(ask, &mut send).await.map(drop)
    };
    futures::join!(check, forward).0
}

async fn check_end(at: EndpointRef) -> Result<CheckReport> {
    let endpoint = open(&at.uri, at.end, at.access).await?;
    match at.end {
        engine::Side::Source => check_source(&endpoint, None).await,
        engine::Side::Target => check_target(&endpoint).await,
    }
}

/// Runs a job from opening both ends to the outcome. Events are sent in the order in which they happen.
async fn run(
    job: Job,
    state: StateDir,
    handle: &Mutex<RunningJob>,
    messages: &Sender<Msg>,
) -> Result<engine::Outcome> {
    let stop = lock(handle).stop.clone();
    let mut job = tokio::select! {
        job = begin(job, state) => job?,
        () = stop.cancelled() => return Err(Error::stopped()),
    };
    lock(handle).running = Some((job.control.clone(), Arc::clone(&job.progress)));
    if stop.is_cancelled() {
        job.control.stop();
    }
    // The receiver is gone if the user has left the wizard.
    let _ = messages.send(Msg::JobStarted).await;
    while let Some(event) = job.events.recv().await {
        let _ = messages.send(Msg::JobEvent(event)).await;
    }
    let _ = messages.send(Msg::Sample(Box::new(job.progress.read()))).await;
    job.outcome().await
}

/// Every job opens both ends again: the result of an earlier check may be outdated.
pub(super) async fn begin(job: Job, state: StateDir) -> Result<engine::Job> {
    let opened = |at: EndpointRef| async move { open(&at.uri, at.end, at.access).await };
    match job {
        Job::Export { source, output_dir, plan } => engine::export(Export {
            source: opened(source).await?.reader()?,
            output_dir,
            plan,
            state,
            journal: None,
            update: false,
            reread: false,
        }),
        Job::Import { source, target, plan, update } => {
            let (source, target) = tokio::try_join!(opened(source), opened(target))?;
            let source = source.reader()?;
            engine::import(Import { source, target, plan, state, journal: None, update, reread: false })
        }
        Job::Validate { source, target, plan, artifacts, reports } => {
            let (source, target) = tokio::try_join!(opened(source), opened(target))?;
            Ok(validate(Validate {
                source: source.reader()?,
                target: target.reader()?,
                plan,
                artifacts,
                reports,
                state,
            }))
        }
    }
}

/// Writes the whole file or nothing: the command on the screen names this file.
fn write_plan(path: &Path, plan: &Plan) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(Error::usage(format!("there is no folder {}", folder.display())));
    }
    let file = tempfile::NamedTempFile::new_in(folder)?;
    std::fs::write(file.path(), plan.to_file()?)?;
    file.persist(path).map_err(|e| Error::from(e.error))?;
    Ok(())
}

fn answered(question: Question, result: Result<String>) -> Msg {
    Msg::Answered { question, result: result.map_err(|error| error.to_string()) }
}

/// Overwrites an existing file only if it is a plan.
fn save_plan(path: &Path, plan: &Plan) -> Result<()> {
    if path.exists() && read_plan(path).is_err() {
        let error = Error::usage(format!("{} exists already and is not a plan", path.display()));
        return Err(error.hint("choose another name"));
    }
    write_plan(path, plan).map_err(|e| e.at(path.display()))
}

fn read_plan(path: &Path) -> Result<Plan> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::from(e).at(path.display()))?;
    Plan::parse(&text).map_err(|e| e.at(path.display()))
}
