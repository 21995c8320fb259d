import type { handleUnaryCall } from '@grpc/grpc-js';
import type { CallContext } from './call-context.js';
import { uuidMessage } from './identifiers.js';
import { gossip, serverFeatures, type shared } from './messages.js';

type Empty = InstanceType<typeof shared.Empty>;

const STREAMS_SERVICE = 'event_store.client.streams.streams';
const NODE_ID = '6ba7b810-9dad-41d1-80b4-00c04fd430c8';

/** What a client asks before its first append, to see whether it may append in batches. Answered also while not ready. */
export const supportedMethodsCall =
  (
    { faults }: CallContext,
    batchAppend: boolean,
  ): handleUnaryCall<Empty, InstanceType<typeof serverFeatures.SupportedMethods>> =>
  (_call, callback) =>
    void faults.unstalled().then(() => {
      const names = ['append', 'read', 'delete', 'tombstone', ...(batchAppend ? ['batchappend'] : [])];
      const methods = names.map((name) =>
        new serverFeatures.SupportedMethod().setServiceName(STREAMS_SERVICE).setMethodName(name),
      );
      callback(
        null,
        new serverFeatures.SupportedMethods().setEventStoreServerVersion('24.10.0').setMethodsList(methods),
      );
    });

/** For `+discover`: a cluster of this one node. */
export const gossipCall =
  ({ faults }: CallContext, port: () => number): handleUnaryCall<Empty, InstanceType<typeof gossip.ClusterInfo>> =>
  (_call, callback) =>
    void faults.unstalled().then(() => {
      const member = new gossip.MemberInfo()
        .setInstanceId(uuidMessage(NODE_ID, 'text'))
        .setTimeStamp(String(Date.now()))
        .setState(gossip.MemberInfo.VNodeState.LEADER)
        .setIsAlive(true)
        .setHttpEndPoint(new gossip.EndPoint().setAddress('127.0.0.1').setPort(port()));
      callback(null, new gossip.ClusterInfo().setMembersList([member]));
    });
