// What the console believes of the admin API beside what the API tells of itself. Where the console reads what is never told, or
// takes for certain what may be absent, or knows other words than the API has, this does not compile, and the error names it.
import type * as Console from "../../../console/src/api/types.ts";
import type { components } from "told";

type Told = components["schemas"];

/** What is absent may be told as null. */
type Present<T> = Exclude<T, null | undefined>;

type MayLack<T, K extends keyof T> = undefined extends T[K] ? true : false;

/** `never` where they agree, or else what does not. */
type Drift<T, C, Path extends string> = [C] extends [readonly unknown[]]
  ? [T] extends [readonly unknown[]]
    ? Drift<Present<T[number]>, Present<C[number]>, `${Path}[]`>
    : `${Path} is told as no list`
  : [C] extends [object]
    ? [T] extends [object]
      ? string extends keyof C
        ? Drift<Present<T[keyof T]>, Present<C[keyof C]>, `${Path}[any]`>
        : { [K in keyof C & string]-?: Member<T, C, K, Path> }[keyof C & string]
      : `${Path} is told as no object`
    : [T] extends [C]
      ? [C] extends [T]
        ? never
        : string extends C
          ? never
          : `${Path} is told in fewer words`
      : `${Path} is told in other words`;

type Member<T, C, K extends keyof C & string, Path extends string> = K extends keyof T
  ? [MayLack<T, K>, MayLack<C, K>] extends [true, false]
    ? `${Path}.${K} may be absent`
    : Drift<Present<T[K]>, Present<C[K]>, `${Path}.${K}`>
  : `${Path}.${K} is never told`;

type NameIn<T> = T extends unknown ? keyof T : never;

/** One of several objects, told as one that may lack what not all of them have. */
type Whole<T> = { [K in NameIn<T>]?: T extends Record<K, infer V> ? V : never };

declare function agree<_ extends never>(): void;

agree<Drift<Told["AllDifferences"], Console.AllDifferences, "AllDifferences">>();
agree<Drift<Told["AuditPage"], Console.AuditPage, "AuditPage">>();
agree<Drift<Told["BackupAnswer"], Console.BackupAnswer, "BackupAnswer">>();
agree<Drift<Told["BackupLists"], Console.BackupLists, "BackupLists">>();
agree<Drift<Told["BackupWish"], Console.BackupWish, "BackupWish">>();
agree<Drift<Told["Counted"], Console.Counted, "Counted">>();
agree<Drift<Told["DrillAnswer"], Console.DrillAnswer, "DrillAnswer">>();
agree<Drift<Told["DrillLists"], Console.DrillLists, "DrillLists">>();
agree<Drift<Told["DrillRequest"], Console.DrillRequest, "DrillRequest">>();
agree<Drift<Told["Fleet"], Console.Fleet, "Fleet">>();
agree<Drift<Told["FleetEvent"], Console.FleetEvent, "FleetEvent">>();
agree<Drift<Told["FlipReport"], Console.FlipReport, "FlipReport">>();
agree<Drift<Told["FlipWish"], Console.FlipWish, "FlipWish">>();
agree<Drift<Told["HistoryView"], Console.HistoryView, "HistoryView">>();
agree<Drift<Told["JobList"], Console.JobList, "JobList">>();
agree<Drift<Told["LimitsChange"], Console.LimitsChange, "LimitsChange">>();
agree<Drift<Told["LimitsView"], Console.LimitsView, "LimitsView">>();
agree<Drift<Told["Me"], Console.Me, "Me">>();
agree<Drift<Told["Operator"], Console.Operator, "Operator">>();
agree<Drift<Told["PastList"], Console.PastList, "PastList">>();
agree<Drift<Whole<Told["PlanLine"]>, Console.PlanLine, "PlanLine">>();
agree<Drift<Told["Problem"], Console.Problem, "Problem">>();
agree<Drift<Told["PhaseEvent"], Console.PhaseEvent, "PhaseEvent">>();
agree<Drift<Told["Process"], Console.Process, "Process">>();
agree<Drift<Told["PurgeAnswer"], Console.PurgeAnswer, "PurgeAnswer">>();
agree<Drift<Told["PurgeList"], Console.PurgeList, "PurgeList">>();
agree<Drift<Told["QuarantineReason"], Console.QuarantineReason, "QuarantineReason">>();
agree<Drift<Told["ReadOnlyView"], Console.ReadOnlyView, "ReadOnlyView">>();
agree<Drift<Told["RestoreAnswer"], Console.RestoreAnswer, "RestoreAnswer">>();
agree<Drift<Told["RestoreList"], Console.RestoreList, "RestoreList">>();
agree<Drift<Told["RestoreRequest"], Console.RestoreRequest, "RestoreRequest">>();
agree<Drift<Told["RetryWish"], Console.RetryWish, "RetryWish">>();
agree<Drift<Told["ScopeView"], Console.ScopeView, "ScopeView">>();
agree<Drift<Told["Series"], Console.Series, "Series">>();
agree<Drift<Told["TenantView"], Console.TenantView, "TenantView">>();
agree<Drift<Told["Transfer"], Console.Transfer, "Transfer">>();
agree<Drift<Told["TransfersEvent"], Console.TransfersEvent, "TransfersEvent">>();
agree<Drift<Told["VerificationBegun"], Console.VerificationBegun, "VerificationBegun">>();
agree<Drift<Told["Verifications"], Console.Verifications, "Verifications">>();
