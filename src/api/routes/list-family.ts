/** The endpoints of a list by ClientId: a page of a node, what one client has there, and anywhere. Main thread. */
import type { Listed, Listings, Page } from '../broker-port.js';
import { type Endpoint, endpoint } from '../endpoint.js';
import { answerObjects, answerPage, objectsSchema, PAGE_FIELDS, pageSchema } from '../paging.js';
import type { Schema } from '../schema.js';

export interface ListFamily<Row> {
  /** Of the path, such as `clients`. */
  readonly noun: string;
  readonly row: Schema;
  /** What the three are about, a sentence each. */
  readonly about: { readonly page: string; readonly ofNode: string; readonly anywhere: string };
  page(listings: Listings, page: Page): Promise<Listed<Row>>;
  /** What there is of one client. */
  find(listings: Listings, clientId: string): Promise<readonly Row[]>;
  readonly format: (row: Row) => object;
}

export function listFamily<Row>(family: ListFamily<Row>): readonly Endpoint[] {
  const { noun, row, about, format } = family;
  const answer = objectsSchema(row);
  const ofClient = (path: string, sentence: string): Endpoint =>
    endpoint({
      method: 'GET',
      path,
      about: sentence,
      answer,
      handle: ({ broker: { listings }, path: { client_id: clientId } }) =>
        answerObjects(() => family.find(listings, clientId!), format),
    });
  return [
    endpoint({
      method: 'GET',
      path: `nodes/{node}/${noun}`,
      about: about.page,
      fields: PAGE_FIELDS,
      answer: pageSchema(row),
      handle: ({ broker: { listings }, params }) =>
        answerPage(params, (page) => family.page(listings, page), format),
    }),
    ofClient(`nodes/{node}/${noun}/{client_id}`, about.ofNode),
    ofClient(`${noun}/{client_id}`, about.anywhere),
  ];
}

/** @returns the row as a list of at most one */
export function listOfOne<Row>(row: Row | null): readonly Row[] {
  return row === null ? [] : [row];
}
