// The subscription manager of @tmcp/session-manager-redis. It is imported here, because only this folder has it installed.

export { RedisSubscriptionManager } from '@tmcp/session-manager-redis';
