/** Where the files that pages of an HTML import load are: in the artifact, and by which address browsers ask for them. */

/** Folder of the artifact. The build makes it; what a project brings under this name is not taken. */
export const clientFolder = ".levain-client";

/** In front of their names. Every name there changes with its bytes. */
export const clientUrls = "/_bun/";
