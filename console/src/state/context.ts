import { createContext, useContext } from "react";

import type { Client } from "../api/client";
import type { Me } from "../api/types";

/** Who is logged in, and how the server is asked. */
export interface Who {
  me: Me;
  client: Client;
}

export const WhoContext = createContext<Who | undefined>(undefined);

export function useWho(): Who {
  const who = useContext(WhoContext);
  if (who === undefined) {
    throw new Error("pages are shown within the shell only");
  }
  return who;
}
