/** `openapi.json`: what the API is, for programs. Main thread. */
import { describeApi } from '../description.js';
import { type Endpoint, type EndpointGroup, endpoint } from '../endpoint.js';
import { RawAnswer } from '../raw-answer.js';

const TYPE = 'application/json';

/** @param groups asked for when the description is, since it is one of them */
export function descriptionEndpoint(groups: () => readonly EndpointGroup[]): Endpoint {
  return endpoint({
    method: 'GET',
    path: 'openapi.json',
    isExact: true,
    about: 'This description, in OpenAPI 3.1. EMQ has no such request.',
    answerType: TYPE,
    answer: {
      type: 'object',
      description: 'an OpenAPI document',
      properties: { openapi: { const: '3.1.0' }, paths: { type: 'object' } },
      required: ['openapi', 'paths'],
    },
    handle: ({ broker: { node } }) => new RawAnswer(TYPE, JSON.stringify(describeApi(groups(), node))),
  });
}
