//! The life of a process that is simulated: it owns every task that is begun in it. It may stand still, and it ends at its n-th wait: from
//! then on nothing of it goes on, and all that its tasks held is dropped where they were.
//! Outside of a simulation no task has one, and all of this does nothing.

use std::{
    any::Any,
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use runs::{memory::Process, sim::World};
use tokio::{
    sync::Notify,
    time::{Instant, Sleep, sleep_until},
};

thread_local! {
    /// Whose task is just being polled.
    static CURRENT: RefCell<Option<Arc<Life>>> = const { RefCell::new(None) };
}

/// An agent of a simulation that panics says this; whatever else panics is a mistake.
pub(crate) const ON_PURPOSE: &str = "as the script says";

pub(crate) struct Life {
    world: Arc<World>,
    process: Arc<Process>,
    /// Waits until it ends.
    left: AtomicU64,
    is_over: AtomicBool,
    ended: Notify,
    tasks: Mutex<Vec<Weak<dyn Ends>>>,
}

impl Life {
    /// `waits`: after so many of them it ends, unless the world is stopped by then.
    pub(crate) fn new(world: Arc<World>, process: Arc<Process>, waits: u64) -> Arc<Self> {
        Arc::new(Self {
            world,
            process,
            left: AtomicU64::new(waits),
            is_over: AtomicBool::new(false),
            ended: Notify::new(),
            tasks: Mutex::default(),
        })
    }

    pub(crate) fn own<F: Future + Send + 'static>(self: &Arc<Self>, task: F) -> Owned<F> {
        let task = Arc::new(Task(Mutex::new(Some(Box::pin(task)))));
        let of_all = Arc::downgrade(&task) as Weak<dyn Ends>;
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        if tasks.len() == tasks.capacity() {
            tasks.retain(|task| task.strong_count() > 0);
        }
        tasks.push(of_all);
        drop(tasks);
        Owned { task, life: Some(Arc::clone(self)), still: None }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Nothing of it goes on. To be called from outside of its tasks.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.ended.notify_one();
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.iter().filter_map(Weak::upgrade).for_each(|task| task.end());
    }

    /// Until it ended.
    pub(crate) async fn over(&self) {
        while !self.is_over() {
            self.ended.notified().await;
        }
    }

    /// A task of it waits for something. True: it was the last time.
    fn waits(&self) -> bool {
        if self.world.is_stopped() {
            return false;
        }
        let left = self.left.load(Ordering::Relaxed).saturating_sub(1);
        self.left.store(left, Ordering::Relaxed);
        left == 0
    }
}

trait Ends: Send + Sync {
    fn end(&self);
}

struct Task<F>(Mutex<Option<Pin<Box<F>>>>);

impl<F: Send> Ends for Task<F> {
    fn end(&self) {
        // One that is just being polled ends afterwards.
        let task = self.0.try_lock().ok().and_then(|mut task| task.take());
        drop(task);
    }
}

/// A task as its process has it.
pub(crate) struct Owned<F> {
    task: Arc<Task<F>>,
    life: Option<Arc<Life>>,
    /// While the process stands still.
    still: Option<Pin<Box<Sleep>>>,
}

/// The task of whoever's task begins it.
pub(crate) fn owned<F: Future + Send + 'static>(task: F) -> Owned<F> {
    match CURRENT.with_borrow(Clone::clone) {
        Some(life) => life.own(task),
        None => Owned { task: Arc::new(Task(Mutex::new(Some(Box::pin(task))))), life: None, still: None },
    }
}

impl<F: Future> Owned<F> {
    fn poll_task(&self, context: &mut Context<'_>) -> Poll<F::Output> {
        let mut task = self.task.0.lock().unwrap_or_else(PoisonError::into_inner);
        // One that was ended is waited for by nobody who goes on.
        task.as_mut().map_or(Poll::Pending, |task| task.as_mut().poll(context))
    }

    fn drop_task(&self) {
        let task = self.task.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(task);
    }

    /// False: the process stands still.
    fn goes_on(&mut self, life: &Life, context: &mut Context<'_>) -> bool {
        let until = life.process.stands_still_until();
        if until <= Instant::now() {
            self.still = None;
            return true;
        }
        let still = self.still.get_or_insert_with(|| Box::pin(sleep_until(until)));
        still.as_mut().reset(until);
        still.as_mut().poll(context).is_ready()
    }
}

impl<F: Future> Future for Owned<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Some(life) = self.life.clone() else { return self.poll_task(context) };
        if life.is_over() {
            self.drop_task();
            return Poll::Pending;
        }
        if !self.goes_on(&life, context) {
            return Poll::Pending;
        }
        let before = CURRENT.replace(Some(Arc::clone(&life)));
        let polled = catch_unwind(AssertUnwindSafe(|| self.poll_task(context)));
        CURRENT.set(before);
        let polled = polled.unwrap_or_else(|panic| {
            if !is_on_purpose(&*panic) {
                life.world.violated("a task of the engine panicked");
            }
            resume_unwind(panic)
        });
        if polled.is_pending() && life.waits() {
            life.end();
            self.drop_task();
        }
        polled
    }
}

fn is_on_purpose(panic: &(dyn Any + Send)) -> bool {
    panic.downcast_ref::<&str>() == Some(&ON_PURPOSE)
}
