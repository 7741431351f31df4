//! Follows one content of one document across its holders: the preferred one first, the other if that fails or is slow to begin, and
//! on to whichever has it when the row moves under the read. It never mixes two contents: the stamp decides.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::FuturesUnordered;
use futures_util::{Stream, StreamExt, stream};
use tokio::time::Instant;

use super::hedge::Hedge;
use crate::body::BoxError;
use crate::budget::{Budget, Grant, Loan, SMALL_BYTES};
use crate::cache::{ContentCache, Origin};
use crate::model::content::PIECE_BYTES;
use crate::model::document::{DocRow, Document, Holder};
use crate::model::id::{DocKey, ObjectRef};
use crate::model::phase::Side;
use crate::model::stamp::Stamp;
use crate::store::checked::open_checked;
use crate::store::error::{Interrupted, StoreError, StoreErrorKind, StoreResult};
use crate::store::guarded::GATE;
use crate::store::object::ByteStream;
use crate::telemetry::{Metrics, ServedFrom};
use crate::tenants::Tenant;
use crate::watch::transfers::Progress;

/// Looks at the row before a read is given up: each further one means that the row has moved again, or a store failed again.
const MAX_LOOKS: u32 = 6;

/// A read holds a piece of an object that is checked and one that is sent, or three of SQL's portions. While both holders are asked
/// for their first bytes, a piece of the one and a portion of the other.
pub const HELD_BYTES: u64 = 2 * PIECE_BYTES as u64;

/// Three of these fit into what a read holds.
const MAX_SQL_PORTION: usize = PIECE_BYTES / 2;

/// While others wait for memory, a read holds it for so many bytes, and stands in the queue again.
const TURN_BYTES: u64 = 4 * PIECE_BYTES as u64;

/// And for so long, in which a client that takes its bytes slowly and steadily has not had them.
const TURN_TIME: Duration = Duration::from_secs(1);

/// What goes out at once while memory is tight: what a client does not take of it stays in memory that nobody can have, so it is no more
/// than a connection's buffers are.
const TIGHT_PORTION: usize = 32 << 10;

/// Why a content could not be followed.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// The document has another content now, or none.
    #[error("the document has changed")]
    Changed,
    #[error("the row moved on again and again")]
    Unsettled,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Bytes from `at` to `end` of the content that `stamp` names.
pub struct Follow {
    pub tenant: Arc<Tenant>,
    pub cache: Arc<ContentCache>,
    pub metrics: Arc<Metrics>,
    pub key: DocKey,
    pub stamp: Stamp,
    pub at: u64,
    pub end: u64,
    pub portion: usize,
    pub progress: Progress,
}

/// Whoever has given the first bytes.
pub struct Source {
    pub side: Side,
    pub served_from: ServedFrom,
    stream: ByteStream,
    /// By which it was found.
    row: Arc<DocRow>,
}

/// What a read holds of memory and of a store while it has its turn.
struct Turn {
    source: Source,
    grant: Grant,
    sent_bytes: u64,
    begun: Instant,
    /// Came, and has not gone out.
    pending: Bytes,
}

impl Turn {
    fn new(source: Source, grant: Grant) -> Self {
        Self { source, grant, sent_bytes: 0, begun: Instant::now(), pending: Bytes::new() }
    }

    /// Between two pieces, so that nothing is fetched in vain.
    fn had_its_share(&self) -> bool {
        self.pending.is_empty() && (self.sent_bytes >= TURN_BYTES || self.begun.elapsed() >= TURN_TIME)
    }
}

/// Where a read's turn is while its client takes what was sent last.
enum Kept {
    Here(Box<Turn>),
    /// Where others who need the memory find it.
    Parked {
        loan: Loan<Box<Turn>>,
        row: Arc<DocRow>,
        /// What it holds, and will again.
        bytes: u64,
    },
}

impl Follow {
    /// Whoever answers first, by the row at hand and further looks at it: memory, or a holder. A small content comes whole before anything
    /// of it goes out.
    pub async fn open(&self, row: DocRow) -> Result<Source, Lost> {
        if !self.cache.takes(&row) {
            return self.open_holder(row, None).await;
        }
        let truth = row.truth();
        if !truth.visible || truth.stamp.as_ref() != Some(&self.stamp) {
            return Err(Lost::Changed);
        }
        let (bytes, origin) = self.cache.whole(self.tenant.instance, &row, &self.stamp, self.read_whole(row.clone())).await?;
        let (from, to) = (index(self.at, &bytes), index(self.end, &bytes));
        let (side, served_from) = match origin {
            Origin::Cache => (row.state.phase.reads_from(), ServedFrom::Cache),
            Origin::Store(side) => (side, served_from(side)),
        };
        Ok(Source { side, served_from, stream: Box::pin(stream::iter([Ok(bytes.slice(from..to))])), row: Arc::new(row) })
    }

    /// All of the content from the holders, and who gave its beginning.
    async fn read_whole(&self, row: DocRow) -> Result<(Bytes, Side), Lost> {
        let (tenant, cache, metrics) = (Arc::clone(&self.tenant), Arc::clone(&self.cache), Arc::clone(&self.metrics));
        let (key, stamp, end) = (self.key.clone(), self.stamp.clone(), row.length_bytes());
        let (portion, progress) = (self.portion, self.progress.clone());
        let mut whole = Self { tenant, cache, metrics, key, stamp, at: 0, end, portion, progress };
        let mut source = whole.open_holder(row, None).await?;
        let side = source.side;
        // Copied, though it often comes in one piece: a piece can be a view of a much larger buffer, which would stay with it.
        let mut gathered = BytesMut::with_capacity(usize::try_from(end).unwrap_or_default());
        while let Some(portion) = whole.next(&mut source).await? {
            gathered.extend_from_slice(&portion);
        }
        Ok((gathered.freeze(), side))
    }

    /// The first holder that answers, by the row at hand and further looks at it. `avoid` names one that has just failed.
    async fn open_holder(&self, row: DocRow, avoid: Option<Side>) -> Result<Source, Lost> {
        let mut row = row;
        let mut missing: Option<ObjectRef> = None;
        for _ in 0..MAX_LOOKS {
            let truth = row.truth();
            if !truth.visible || truth.stamp.as_ref() != Some(&self.stamp) {
                return Err(Lost::Changed);
            }
            if let Some(opened) = self.open_by(&row, truth.holder, avoid, &mut missing).await? {
                return Ok(opened);
            }
            row = self.tenant.sql.row(&self.key).await?;
        }
        Err(Lost::Unsettled)
    }

    /// `None`: the row has moved on, look again.
    async fn open_by(
        &self,
        row: &DocRow,
        holder: Holder,
        avoid: Option<Side>,
        missing: &mut Option<ObjectRef>,
    ) -> Result<Option<Source>, StoreError> {
        let preferred = row.state.phase.reads_from();
        let hedge_after = self.hedge_after(row, holder, preferred, avoid);
        // A store that owes too many answers is left alone where another holder has the content.
        let is_spared = hedge_after.is_some_and(|after| after.is_zero());
        let sides = sides(holder, preferred, if is_spared { Some(Side::Object) } else { avoid });
        let (first, hedge) = (sides.first().copied(), Hedge::new(hedge_after.filter(|_| !is_spared)));
        let asked = sides.into_iter().enumerate().map(|(place, side)| self.open_in_turn(place == 0, side, row, &hedge));
        let mut answers: FuturesUnordered<_> = asked.collect();
        let mut failure: Option<StoreError> = None;
        while let Some((side, answer)) = answers.next().await {
            match answer {
                Ok(Some(source)) => {
                    if let Some(failure) = failure.filter(|_| first != Some(side)) {
                        self.note_fallback(side, &failure);
                    }
                    if is_spared || hedge.has_begun() {
                        self.metrics.hedge(&self.tenant.id, served_from(side));
                    }
                    self.progress.comes_from(side.into());
                    return Ok(Some(source));
                }
                Ok(None) => match gone(side, row, missing) {
                    Some(error) => failure = Some(error),
                    None => return Ok(None),
                },
                Err(error) => failure = Some(error),
            }
        }
        match failure {
            Some(error) => Err(error),
            None => Ok(None),
        }
    }

    /// How long the object store is waited for before SQL is asked beside it. `None`: there is no such choice.
    fn hedge_after(&self, row: &DocRow, holder: Holder, preferred: Side, avoid: Option<Side>) -> Option<Duration> {
        if (holder, preferred, avoid) != (Holder::Both, Side::Object, None) {
            return None;
        }
        let object = row.location.as_ref().and_then(|location| location.object.as_ref())?;
        self.tenant.objects.hedge_after(object)
    }

    /// Asks one holder when it is its turn.
    async fn open_in_turn(&self, is_first: bool, side: Side, row: &DocRow, hedge: &Hedge) -> (Side, StoreResult<Option<Source>>) {
        if !is_first {
            hedge.second_is_due().await;
            return (side, self.open_side(side, row, || ()).await);
        }
        let answer = self.open_side(side, row, || hedge.first_begins()).await;
        hedge.first_ended();
        (side, answer)
    }

    async fn open_side(&self, side: Side, row: &DocRow, begins: impl FnOnce()) -> StoreResult<Option<Source>> {
        let stream = match side {
            Side::Sql => self.open_sql(row).await?,
            Side::Object => match &row.location {
                Some(location) => open_checked(&*self.tenant.objects, location, self.at..self.end).await?,
                None => None,
            },
        };
        let Some(mut stream) = stream else { return Ok(None) };
        begins();
        // The first bytes are awaited here, while another holder can still answer instead.
        match stream.next().await {
            Some(Ok(first)) => {
                let stream: ByteStream = Box::pin(stream::iter([Ok(first)]).chain(stream));
                Ok(Some(Source { side, served_from: served_from(side), stream, row: Arc::new(row.clone()) }))
            }
            Some(Err(Interrupted::Store(error))) => Err(error),
            Some(Err(Interrupted::Moved | Interrupted::Client(_))) => Ok(None),
            None => Err(self.short(side)),
        }
    }

    async fn open_sql(&self, row: &DocRow) -> StoreResult<Option<ByteStream>> {
        if let Some(inline) = &row.inline {
            let (from, to) = (index(self.at, inline), index(self.end, inline));
            return Ok(Some(Box::pin(stream::iter([Ok(inline.slice(from..to))]))));
        }
        let Some(Document { revision, .. }) = row.document else { return Ok(None) };
        self.tenant.sql.open(&self.key, revision, self.at, self.portion.min(MAX_SQL_PORTION)).await
    }

    fn short(&self, side: Side) -> StoreError {
        let store = match side {
            Side::Sql => "sql",
            Side::Object => "object",
        };
        StoreError::new(store, "read", &self.key, StoreErrorKind::Corrupt).because("the content is shorter than its length")
    }

    fn note_fallback(&self, to: Side, failure: &StoreError) {
        self.metrics.fallback(&self.tenant.id, failure.kind.label());
        // Where the store was not even asked, the gate has said so once, and a line for each read would drown it.
        if failure.store == GATE {
            tracing::debug!(event = "fallback", tenant = %self.tenant.id, "{} answers for {}: {}", label(to), self.key, failure.chain());
        } else {
            tracing::warn!(event = "fallback", tenant = %self.tenant.id, "{} answers for {}: {}", label(to), self.key, failure.chain());
        }
    }

    /// The bytes as they go out. When a holder fails in the middle, the next one goes on at the same offset; when none can,
    /// the stream ends in an error, and the connection with it.
    ///
    /// While others wait for memory, a read that has had its share of it, or whose client takes nothing, gives it back with all that it
    /// has of its holder, and goes on later where it was.
    pub fn into_stream(self, source: Source, grant: Grant, budget: Arc<Budget>) -> impl Stream<Item = Result<Bytes, BoxError>> + Send {
        let first = Kept::Here(Box::new(Turn::new(source, grant)));
        stream::try_unfold((self, budget, first), |(mut follow, budget, kept)| async move {
            match follow.next_by_turns(&budget, kept).await {
                Ok(next) => Ok(next.map(|(portion, kept)| (portion, (follow, budget, kept)))),
                Err(error) => Err(follow.broken(error)),
            }
        })
    }

    async fn next_by_turns(&mut self, budget: &Budget, kept: Kept) -> Result<Option<(Bytes, Kept)>, Lost> {
        if self.at >= self.end {
            return Ok(None);
        }
        let mut turn = match kept {
            Kept::Here(turn) => turn,
            Kept::Parked { loan, row, bytes } => match loan.take() {
                Some(turn) if !turn.had_its_share() || !budget.is_wanted() => turn,
                // With nothing in hand while it waits.
                had_its_share_or_lost_it => {
                    drop(had_its_share_or_lost_it);
                    self.next_turn(row, bytes, budget).await?
                }
            },
        };
        if turn.pending.is_empty() {
            turn.pending = self.portion(&mut turn.source).await?.unwrap_or_default();
        }
        if self.at + turn.pending.len() as u64 >= self.end {
            // The holder is through with this read: its place there is somebody else's.
            turn.source.stream = Box::pin(stream::empty());
        }
        let is_small = turn.grant.bytes() <= SMALL_BYTES;
        let portion = if is_small || !budget.is_tight() {
            std::mem::take(&mut turn.pending)
        } else {
            // A part of it would keep the whole in memory.
            Bytes::copy_from_slice(&turn.pending.split_to(turn.pending.len().min(TIGHT_PORTION)))
        };
        let portion = self.take(portion);
        turn.sent_bytes += portion.len() as u64;
        // What is small has a lane of its own, and is on its way already.
        let kept = if is_small {
            Kept::Here(turn)
        } else {
            let (row, bytes) = (turn.source.row.clone(), turn.grant.bytes());
            Kept::Parked { loan: budget.park(turn, bytes), row, bytes }
        };
        Ok(Some((portion, kept)))
    }

    /// By the row that the last turn went by: what an object holds never changes, and SQL is asked for one revision.
    async fn next_turn(&self, row: Arc<DocRow>, bytes: u64, budget: &Budget) -> Result<Box<Turn>, Lost> {
        let grant = budget.acquire_again(bytes).await;
        let source = budget.making_room(bytes, self.open_holder(DocRow::clone(&row), None)).await?;
        Ok(Box::new(Turn::new(source, grant)))
    }

    pub(super) fn broken(&self, error: Lost) -> BoxError {
        self.metrics.read_broken(&self.tenant.id);
        tracing::warn!(event = "broken_read", tenant = %self.tenant.id, "{} ends short at byte {}: {error}", self.key, self.at);
        error.into()
    }

    async fn next(&mut self, source: &mut Source) -> Result<Option<Bytes>, Lost> {
        let portion = self.portion(source).await?;
        Ok(portion.map(|portion| self.take(portion)))
    }

    /// What comes next, from the next holder where this one fails; `None` at the end.
    async fn portion(&self, source: &mut Source) -> Result<Option<Bytes>, Lost> {
        if self.at >= self.end {
            return Ok(None);
        }
        let mut looks = 0;
        loop {
            let failed = match source.stream.next().await {
                Some(Ok(bytes)) => return Ok(Some(bytes)),
                Some(Err(Interrupted::Store(error))) => Some(error),
                Some(Err(Interrupted::Moved | Interrupted::Client(_))) => None,
                None => Some(self.short(source.side)),
            };
            looks += 1;
            *source = self.go_on(source.side, failed, looks).await?;
        }
    }

    fn take(&mut self, mut bytes: Bytes) -> Bytes {
        bytes.truncate(usize::try_from(self.end - self.at).unwrap_or(usize::MAX));
        self.at += bytes.len() as u64;
        bytes
    }

    async fn go_on(&self, failed_side: Side, failed: Option<StoreError>, looks: u32) -> Result<Source, Lost> {
        if looks > MAX_LOOKS {
            return Err(failed.map_or(Lost::Unsettled, Lost::Store));
        }
        let avoid = failed.as_ref().map(|_| failed_side);
        let row = self.tenant.sql.row(&self.key).await?;
        let next = self.open_holder(row, avoid).await?;
        if let Some(failed) = failed.filter(|_| next.side != failed_side) {
            self.note_fallback(next.side, &failed);
        }
        Ok(next)
    }
}

/// Who can answer, in the order in which they are asked.
fn sides(holder: Holder, preferred: Side, avoid: Option<Side>) -> Vec<Side> {
    let first = match (preferred, avoid) {
        (Side::Sql, Some(Side::Sql)) => Side::Object,
        (Side::Object, Some(Side::Object)) => Side::Sql,
        (preferred, _) => preferred,
    };
    match holder {
        Holder::NoDocument | Holder::NoContent | Holder::EmptyDocument => Vec::new(),
        Holder::Sql => vec![Side::Sql],
        Holder::Object => vec![Side::Object],
        Holder::Both => match first {
            Side::Sql => vec![Side::Sql, Side::Object],
            Side::Object => vec![Side::Object, Side::Sql],
        },
    }
}

/// An object that is gone is an error only when the row still names the same key after another look.
fn gone(side: Side, row: &DocRow, missing: &mut Option<ObjectRef>) -> Option<StoreError> {
    let object = row.location.as_ref().and_then(|location| location.object.clone());
    match (side, object) {
        (Side::Object, Some(object)) if missing.as_ref() == Some(&object) => {
            Some(StoreError::new("object", "read", object, StoreErrorKind::Corrupt).because("the object is missing"))
        }
        (Side::Object, object) => {
            *missing = object;
            None
        }
        (Side::Sql, _) => None,
    }
}

fn index(position: u64, content: &Bytes) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX).min(content.len())
}

/// The holder's name in answers, metrics and logs.
pub(super) fn served_from(side: Side) -> ServedFrom {
    match side {
        Side::Sql => ServedFrom::Sql,
        Side::Object => ServedFrom::Object,
    }
}

fn label(side: Side) -> &'static str {
    served_from(side).label()
}
