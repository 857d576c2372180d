/** Who may use the API: `users`, `auth` and `change_pwd`. Main thread. */
import { ApiError, wrongParameter } from '../api-error.js';
import { endpoint } from '../endpoint.js';
import { string } from '../fields.js';
import { listOf, NOTHING, objectOf, text } from '../schema.js';

const USER = objectOf({ username: text('of the user', 'admin'), tags: text('free text', 'administrator') });

/** EMQ lets nobody delete this one, whether there is one or not. */
const ADMIN = 'admin';

const unknownUser = (): ApiError => new ApiError(105, 'User not found');
/** EMQ slows nobody down, so there is no code for it. */
const tooManyFailures = (code: 103 | 114): ApiError =>
  new ApiError(code, 'Too many failed attempts, try again later');

function refuseEmpty(...texts: readonly string[]): void {
  if (texts.includes('')) throw new ApiError(104, 'Username or password is empty');
}

export const userEndpoints = [
  endpoint({
    method: 'GET',
    path: 'users',
    about: 'All users of the API, by name.',
    answer: listOf(USER),
    handle: ({ broker: { users } }) => users.list(),
  }),
  endpoint({
    method: 'POST',
    path: 'users',
    about: 'Adds a user of the API.',
    fields: {
      username: string('of the user; no colon'),
      password: string('not empty'),
      tags: string('free text; every user may do everything'),
    },
    answer: NOTHING,
    codes: [104, 113],
    example: { username: 'test_user', password: 'password', tags: 'user' },
    handle: async ({ broker: { users }, params: { username, password, tags } }) => {
      refuseEmpty(username, password);
      switch (await users.add(username, password, tags)) {
        case 'exists':
          throw new ApiError(113, 'User already exist');
        case 'invalid':
          throw wrongParameter();
        case 'full':
          throw new ApiError(102, 'There are too many users');
        case null:
          return;
      }
    },
  }),
  endpoint({
    method: 'GET',
    path: 'users/{username}',
    about: 'One user of the API; an empty list where there is no such user.',
    answer: { oneOf: [USER, NOTHING] },
    handle: ({ broker: { users }, path: { username = '' } }) => users.find(username) ?? undefined,
  }),
  endpoint({
    method: 'PUT',
    path: 'users/{username}',
    about: 'Changes the tags of a user of the API.',
    fields: { tags: string('free text') },
    answer: NOTHING,
    codes: [105],
    example: { tags: 'operator' },
    handle: async ({ broker: { users }, path: { username = '' }, params: { tags } }) => {
      switch (await users.setTags(username, tags)) {
        case 'unknown':
          throw unknownUser();
        case 'invalid':
          throw wrongParameter();
        case null:
          return;
      }
    },
  }),
  endpoint({
    method: 'DELETE',
    path: 'users/{username}',
    about: 'Removes a user of the API; never the one called admin, and never the last.',
    answer: NOTHING,
    codes: [105, 106],
    handle: async ({ broker: { users }, path: { username = '' } }) => {
      if (username === ADMIN) throw new ApiError(106, 'admin cannot be deleted');
      switch (await users.remove(username)) {
        case 'unknown':
          throw unknownUser();
        case 'last':
          throw new ApiError(102, 'The last user cannot be deleted');
        case null:
          return;
      }
    },
  }),
  endpoint({
    method: 'POST',
    path: 'auth',
    about: 'Whether name and password are those of a user of the API.',
    isOpen: true,
    isExact: true,
    fields: { username: string('of the user'), password: string('of the user') },
    answer: NOTHING,
    codes: [103, 104],
    example: { username: 'test_user', password: 'password' },
    handle: async ({ broker: { users }, params: { username, password }, address }) => {
      refuseEmpty(username, password);
      switch (await users.verify(username, password, address)) {
        case 'unknown':
          throw new ApiError(103, 'User not found');
        case 'wrong':
          throw new ApiError(103, 'Password error');
        case 'slow_down':
          throw tooManyFailures(103);
        case 'ok':
          return;
      }
    },
  }),
  endpoint({
    method: 'PUT',
    path: 'change_pwd/{username}',
    about: 'Changes the password of a user of the API, for whoever knows the old one.',
    fields: { old_pwd: string('the old password'), new_pwd: string('not empty') },
    answer: NOTHING,
    codes: [104, 105, 114],
    example: { old_pwd: 'password', new_pwd: 'newpassword' },
    handle: async ({ broker: { users }, path: { username = '' }, params, address }) => {
      refuseEmpty(username, params.new_pwd);
      switch (await users.changePassword(username, params.old_pwd, params.new_pwd, address)) {
        case 'unknown':
          throw unknownUser();
        case 'wrong':
          throw new ApiError(114, 'OldPassword error');
        case 'slow_down':
          throw tooManyFailures(114);
        case 'invalid':
          throw wrongParameter();
        case null:
          return;
      }
    },
  }),
];
