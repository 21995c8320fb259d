/**
 * The wire messages of KurrentDB and EventStoreDB (`event_store.client.*`), as the client package ships them, generated from the
 * protocol's own files. They are CommonJS whose names Node does not see from outside, hence the default imports.
 */
import code from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/code_pb.js';
import gossip from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/gossip_pb.js';
import gossipRpc from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/gossip_grpc_pb.js';
import serverFeatures from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/serverfeatures_pb.js';
import serverFeaturesRpc from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/serverfeatures_grpc_pb.js';
import shared from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/shared_pb.js';
import status from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/status_pb.js';
import streams from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/streams_pb.js';
import streamsRpc from '@kurrent/kurrentdb-client/generated/kurrentdb/protocols/v1/streams_grpc_pb.js';
import anyMessage from 'google-protobuf/google/protobuf/any_pb.js';
import emptyMessage from 'google-protobuf/google/protobuf/empty_pb.js';
import timestampMessage from 'google-protobuf/google/protobuf/timestamp_pb.js';

export {
  anyMessage,
  code,
  emptyMessage,
  gossip,
  gossipRpc,
  serverFeatures,
  serverFeaturesRpc,
  shared,
  status,
  streams,
  streamsRpc,
  timestampMessage,
};
