// Addresses within the console: what follows the `#`.

export type Page = "overview" | "tenant" | "transfers" | "problems" | "installation";

export interface Route {
  page: Page | "unknown";
  tenant: string;
  parameters: URLSearchParams;
}

/** `#/tenants/acme`, `#/transfers?tenant=acme`. */
export function parse(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#?\/?/, "").split("?", 2);
  const parameters = new URLSearchParams(query);
  const [first = "", second = ""] = path.split("/");
  switch (first) {
    case "":
      return { page: "overview", tenant: "", parameters };
    case "tenants":
      return second === "" ? { page: "overview", tenant: "", parameters } : { page: "tenant", tenant: decoded(second), parameters };
    case "transfers":
    case "problems":
    case "installation":
      return { page: first, tenant: "", parameters };
    default:
      return { page: "unknown", tenant: "", parameters };
  }
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

export const hrefs = {
  overview: "#/",
  tenant: (tenant: string) => `#/tenants/${encodeURIComponent(tenant)}`,
  transfers: (tenant?: string) => (tenant === undefined ? "#/transfers" : `#/transfers?tenant=${encodeURIComponent(tenant)}`),
  problems: (tenant?: string) => (tenant === undefined ? "#/problems" : `#/problems?tenant=${encodeURIComponent(tenant)}`),
  installation: "#/installation",
};
