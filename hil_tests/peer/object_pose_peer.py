#!/usr/bin/env python3
"""Listen to object_pose with eclipse-zenoh, decode with rosbags: nothing of Azimuth's own code takes part.

usage: object_pose_peer.py ENDPOINT      prints `listening`, then, when its input ends, one line of JSON:

{"messages", "distinct_stamps", "stamps_rise", "objects", "undecodable": [reasons], "missing_sequence_numbers",
 "quaternion_error_max", "covariance_asymmetry_max", "covariance_eigenvalue_min", "type_hash"}
"""

import json
import struct
import sys
import threading
import time

import numpy as np
import zenoh
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

VISION_MSGS = {
    "ObjectHypothesis": "string class_id\nfloat64 score\n",
    "ObjectHypothesisWithPose": "vision_msgs/ObjectHypothesis hypothesis\ngeometry_msgs/PoseWithCovariance pose\n",
    "BoundingBox3D": "geometry_msgs/Pose center\ngeometry_msgs/Vector3 size\n",
    "Detection3D": "std_msgs/Header header\nvision_msgs/ObjectHypothesisWithPose[] results\nvision_msgs/BoundingBox3D bbox\nstring id\n",
    "Detection3DArray": "std_msgs/Header header\nvision_msgs/Detection3D[] detections\n",
}
MESSAGE_TYPE = "vision_msgs/msg/Detection3DArray"


def typestore():
    store = get_typestore(Stores.ROS2_JAZZY)
    for name, text in VISION_MSGS.items():
        store.register(get_types_from_msg(text, f"vision_msgs/msg/{name}"))
    return store


class Witness:
    def __init__(self, store):
        self.store = store
        self.lock = threading.Lock()
        self.samples = []

    def hear(self, sample):
        attachment = bytes(sample.attachment) if sample.attachment is not None else b""
        with self.lock:
            self.samples.append((bytes(sample.payload), attachment))

    def summary(self):
        with self.lock:
            samples = list(self.samples)
        stamps, sequence_numbers, undecodable = [], [], []
        objects, unit_error, asymmetry, eigenvalue = 0, 0.0, 0.0, float("inf")
        for payload, attachment in samples:
            try:
                message = self.store.deserialize_cdr(payload, MESSAGE_TYPE)
                sequence_numbers.append(struct.unpack_from("<q", attachment)[0])
            except Exception as error:  # whatever a reader may raise is the finding
                undecodable.append(repr(error))
                continue
            stamps.append(message.header.stamp.sec * 10**9 + message.header.stamp.nanosec)
            for detection in message.detections:
                objects += 1
                for result in detection.results:
                    q = result.pose.pose.orientation
                    unit_error = max(unit_error, abs(np.linalg.norm([q.w, q.x, q.y, q.z]) - 1.0))
                    covariance = np.asarray(result.pose.covariance).reshape(6, 6)
                    asymmetry = max(asymmetry, float(np.abs(covariance - covariance.T).max()))
                    eigenvalue = min(eigenvalue, float(np.linalg.eigvalsh((covariance + covariance.T) / 2).min()))
        span = max(sequence_numbers) - min(sequence_numbers) + 1 if sequence_numbers else 0
        return {
            "messages": len(samples),
            "distinct_stamps": len(set(stamps)),
            "stamps_rise": all(a < b for a, b in zip(stamps, stamps[1:])),
            "objects": objects,
            "undecodable": undecodable,
            "missing_sequence_numbers": span - len(sequence_numbers),
            "quaternion_error_max": float(unit_error),
            "covariance_asymmetry_max": asymmetry,
            "covariance_eigenvalue_min": eigenvalue if objects else None,
            "type_hash": self.store.hash_rihs01(MESSAGE_TYPE),
        }


def main():
    config = zenoh.Config()
    config.insert_json5("connect/endpoints", json.dumps([sys.argv[1]]))
    config.insert_json5("listen/endpoints", "[]")
    config.insert_json5("scouting/multicast/enabled", "false")
    witness = Witness(typestore())
    with zenoh.open(config) as session:
        subscriber = session.declare_subscriber("object_pose", witness.hear)
        # An answer to this means that the node knows the subscription declared before it.
        while not list(session.liveliness().get("azimuth/alive/*", timeout=1.0)):
            time.sleep(0.02)
        print("listening", flush=True)
        sys.stdin.read()
        subscriber.undeclare()
    print(json.dumps(witness.summary()))


if __name__ == "__main__":
    main()
