import { lastHeard, link, tryNow } from "../state/live";
import { useSecond } from "../state/clock";
import { useStore } from "../state/store";
import { useText } from "../text";

/** In the header: whether what is shown is live. */
export function LinkMark() {
  const { t } = useText();
  const is = useStore(link, (state) => state.is);
  return (
    <span className={`link-mark link-${is}`} data-link={is}>
      <span className="dot" aria-hidden="true" />
      {t.link[is]}
    </span>
  );
}

/** Below the header while the line is lost: since when, and when it is tried again. */
export function LinkBanner() {
  const { t } = useText();
  const state = useStore(link, (now) => now);
  return (
    <>
      {/* Said once when it changes; the seconds are for the eye. */}
      <p className="unseen" role="status">
        {state.is === "lost" ? t.link.saidLost : state.is === "live" ? t.link.saidLive : ""}
      </p>
      {state.is === "lost" ? (
        <section className="banner" aria-label={t.link.lost}>
          <Countdown retryAt={state.retryAt} why={state.why} />
          <button type="button" onClick={tryNow}>
            {t.link.tryNow}
          </button>
        </section>
      ) : null}
    </>
  );
}

function Countdown({ retryAt, why }: { retryAt: number; why: string }) {
  const { t, f } = useText();
  const now = useSecond();
  const heard = lastHeard();
  const seen = heard === 0 ? t.link.neverSeen : t.link.lastSeen(f.duration((now - heard) / 1000), f.time(heard));
  return (
    <p>
      <b>{t.link.lost}</b> {seen} {why === "" ? null : <span lang="en">{why}. </span>}
      {retryAt > now ? t.link.retryIn(f.duration(Math.max(1, Math.ceil((retryAt - now) / 1000)))) : t.link.trying}
    </p>
  );
}
