// Addresses within the console: what follows the `#`.

export type Page = "overview" | "tenant" | "history" | "transfers" | "problems" | "installation";

export interface Route {
  page: Page | "unknown";
  tenant: string;
  parameters: URLSearchParams;
}

/** `#/tenants/acme`, `#/tenants/acme/history`, `#/transfers?tenant=acme`. */
export function parse(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#?\/?/, "").split("?", 2);
  const parameters = new URLSearchParams(query);
  const [first = "", second = "", third = ""] = path.split("/");
  switch (first) {
    case "":
      return { page: "overview", tenant: "", parameters };
    case "tenants":
      return ofTenant(second, third, parameters);
    case "transfers":
    case "problems":
    case "installation":
      return { page: first, tenant: "", parameters };
    default:
      return { page: "unknown", tenant: "", parameters };
  }
}

function ofTenant(name: string, part: string, parameters: URLSearchParams): Route {
  if (name === "") {
    return { page: "overview", tenant: "", parameters };
  }
  switch (part) {
    case "":
      return { page: "tenant", tenant: decoded(name), parameters };
    case "history":
      return { page: "history", tenant: decoded(name), parameters };
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
  history: (tenant: string) => `#/tenants/${encodeURIComponent(tenant)}/history`,
  transfers: (tenant?: string) => (tenant === undefined ? "#/transfers" : `#/transfers?tenant=${encodeURIComponent(tenant)}`),
  problems: (tenant?: string) => (tenant === undefined ? "#/problems" : `#/problems?tenant=${encodeURIComponent(tenant)}`),
  installation: "#/installation",
};
