//! Names on the wire: key expressions, and how ROS 2 spells them.
//!
//! | mode | key of topic `camera/front/image` | who is at the other end |
//! |---|---|---|
//! | `native` | `camera/front/image` | any Zenoh program |
//! | `ros2dds` | `camera/front/image` | a DDS system behind `zenoh-bridge-ros2dds` |
//! | `rmw_zenoh` | `0/camera/front/image/sensor_msgs::msg::dds_::Image_/RIHS01_…` | ROS 2 nodes on `rmw_zenoh` (0.2.4 and later) |
//!
//! The payload is the same in all of them. With `rmw_zenoh` the node also declares what ROS calls its graph: liveliness tokens that
//! let `ros2 topic list` and `ros2 node info` see it.

use serde::{Deserialize, Serialize};

/// Which names are used for the messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyMode {
    /// The topic as it is.
    #[default]
    Native,
    /// ROS 2 on Zenoh.
    RmwZenoh,
    /// ROS 2 on DDS behind the bridge.
    Ros2dds,
}

/// The messages that are exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// `sensor_msgs/Image`.
    Image,
    /// `sensor_msgs/CompressedImage`.
    CompressedImage,
    /// `sensor_msgs/CameraInfo`.
    CameraInfo,
    /// `vision_msgs/Detection2DArray`.
    Detection2DArray,
    /// `vision_msgs/Detection3DArray`.
    Detection3DArray,
}

impl MessageKind {
    /// The type's DDS name.
    const fn type_name(self) -> &'static str {
        match self {
            Self::Image => "sensor_msgs::msg::dds_::Image_",
            Self::CompressedImage => "sensor_msgs::msg::dds_::CompressedImage_",
            Self::CameraInfo => "sensor_msgs::msg::dds_::CameraInfo_",
            Self::Detection2DArray => "vision_msgs::msg::dds_::Detection2DArray_",
            Self::Detection3DArray => "vision_msgs::msg::dds_::Detection3DArray_",
        }
    }

    /// The hash of the type's fields (REP-2016), the same from Jazzy on; `vision_msgs` 4.1.
    pub const fn type_hash(self) -> &'static str {
        match self {
            Self::Image => "RIHS01_d31d41a9a4c4bc8eae9be757b0beed306564f7526c88ea6a4588fb9582527d47",
            Self::CompressedImage => "RIHS01_15640771531571185e2efc8a100baf923961a4d15d5569652e6cb6691e8e371a",
            Self::CameraInfo => "RIHS01_b3dfd68ff46c9d56c80fd3bd4ed22c7a4ddce8c8348f2f59c299e73118e7e275",
            Self::Detection2DArray => "RIHS01_214274120007f4a683866481336b70310268cfa107aebe9d594a6acf75bda968",
            Self::Detection3DArray => "RIHS01_793f5eab9595ac1c0da07873cc859db42eae51f0ee76056db8562515d830e018",
        }
    }
}

/// Every topic of the node and how it is spelled: the `[keys]` table of a launch file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Keys {
    /// Which spelling.
    pub mode: KeyMode,
    /// `ROS_DOMAIN_ID`, for `rmw_zenoh`.
    pub ros_domain_id: u32,
    /// Camera frames in.
    pub image: String,
    /// Whether frames come as `CompressedImage` (JPEG or PNG) rather than `Image`.
    pub image_is_compressed: bool,
    /// The camera's calibration in.
    pub camera_info: String,
    /// 2D detections in.
    pub detections: String,
    /// Oriented objects out.
    pub object_pose: String,
    /// The node's state out, JSON, every second and on request. Never spelled the ROS way.
    pub status: String,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            mode: KeyMode::Native,
            ros_domain_id: 0,
            image: "camera/front/image".to_owned(),
            image_is_compressed: false,
            camera_info: "camera/front/camera_info".to_owned(),
            detections: "camera/front/detections".to_owned(),
            object_pose: "object_pose".to_owned(),
            status: "azimuth/status".to_owned(),
        }
    }
}

/// One topic of a node: what it carries, and its name without a leading slash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topic<'a> {
    /// What it carries.
    pub kind: MessageKind,
    /// Its name.
    pub name: &'a str,
}

impl Keys {
    /// The frames' topic.
    pub fn image_topic(&self) -> Topic<'_> {
        let kind = if self.image_is_compressed { MessageKind::CompressedImage } else { MessageKind::Image };
        Topic { kind, name: &self.image }
    }

    /// The calibration's topic.
    pub fn camera_info_topic(&self) -> Topic<'_> {
        Topic { kind: MessageKind::CameraInfo, name: &self.camera_info }
    }

    /// The detections' topic.
    pub fn detections_topic(&self) -> Topic<'_> {
        Topic { kind: MessageKind::Detection2DArray, name: &self.detections }
    }

    /// The answers' topic.
    pub fn object_pose_topic(&self) -> Topic<'_> {
        Topic { kind: MessageKind::Detection3DArray, name: &self.object_pose }
    }

    /// The first key that is not a plain name, with the reason: names must be distinct, without wildcards, empty parts or `$`.
    pub fn fault(&self) -> Option<(&'static str, &'static str)> {
        let named = [
            ("image", &self.image),
            ("camera_info", &self.camera_info),
            ("detections", &self.detections),
            ("object_pose", &self.object_pose),
            ("status", &self.status),
        ];
        for (at, (key, name)) in named.iter().enumerate() {
            if name.is_empty() || name.split('/').any(str::is_empty) {
                return Some((key, "must be a name like camera/front/image, without a leading slash or empty parts"));
            }
            if name.contains(['*', '$', '#', '?', '%', '@']) || name.contains(char::is_whitespace) {
                return Some((key, "must not contain wildcards, spaces or any of $ # ? % @"));
            }
            if named.iter().take(at).any(|(_, earlier)| earlier == name) {
                return Some((key, "is used twice"));
            }
        }
        None
    }

    /// The key to publish `topic` on.
    pub fn publish_key(&self, topic: Topic<'_>) -> String {
        self.key(topic, topic.kind.type_hash())
    }

    /// The key to subscribe to. With `rmw_zenoh` any hash of the type is accepted; [`Keys::hash_matches`] tells a foreign one.
    pub fn subscribe_key(&self, topic: Topic<'_>) -> String {
        self.key(topic, "*")
    }

    fn key(&self, topic: Topic<'_>, hash: &str) -> String {
        match self.mode {
            KeyMode::Native | KeyMode::Ros2dds => topic.name.to_owned(),
            KeyMode::RmwZenoh => format!("{}/{}/{}/{hash}", self.ros_domain_id, topic.name, topic.kind.type_name()),
        }
    }

    /// Whether a sample's key carries the type hash this node was built for; always true outside `rmw_zenoh`.
    pub fn hash_matches(&self, topic: Topic<'_>, sample_key: &str) -> bool {
        self.mode != KeyMode::RmwZenoh || sample_key.ends_with(topic.kind.type_hash())
    }

    /// The liveliness tokens by which ROS sees a node, its subscriptions and its publishers, in that order; none outside
    /// `rmw_zenoh`. `session_id` is Zenoh's own id of the session.
    pub fn ros_graph(
        &self,
        session_id: &str,
        node: &str,
        subscribed: &[Topic<'_>],
        published: &[Topic<'_>],
    ) -> Vec<String> {
        if self.mode != KeyMode::RmwZenoh {
            return Vec::new();
        }
        let base = format!("@ros2_lv/{}/{session_id}/0", self.ros_domain_id);
        let endpoint = |id: usize, entity: &str, topic: &Topic<'_>, quality: &str| {
            let name = topic.name.replace('/', "%");
            let (type_name, hash) = (topic.kind.type_name(), topic.kind.type_hash());
            format!("{base}/{id}/{entity}/%/%/{node}/%{name}/{type_name}/{hash}/{quality}")
        };
        let mut tokens = vec![format!("{base}/0/NN/%/%/{node}")];
        for topic in subscribed {
            tokens.push(endpoint(tokens.len(), "MS", topic, BEST_EFFORT_LAST_1));
        }
        for topic in published {
            tokens.push(endpoint(tokens.len(), "MP", topic, RELIABLE_LAST_10));
        }
        tokens
    }
}

/// Quality of service as `rmw_zenoh` spells it: what differs from its default.
const BEST_EFFORT_LAST_1: &str = "2::,1:,:,:,,";
const RELIABLE_LAST_10: &str = "::,10:,:,:,,";

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(mode: KeyMode) -> Keys {
        Keys { mode, ..Default::default() }
    }

    #[test]
    fn native_and_bridge_keys_are_the_topics() {
        for mode in [KeyMode::Native, KeyMode::Ros2dds] {
            let keys = keys(mode);
            assert_eq!(keys.publish_key(keys.object_pose_topic()), "object_pose");
            assert_eq!(keys.subscribe_key(keys.image_topic()), "camera/front/image");
            assert!(keys.ros_graph("1a", "azimuth", &[], &[]).is_empty());
            assert!(keys.hash_matches(keys.image_topic(), "camera/front/image"));
        }
    }

    /// Spelled out in full, as an rmw_zenoh peer was seen to spell it.
    #[test]
    fn rmw_zenoh_keys_carry_domain_type_and_hash() {
        let keys = Keys { ros_domain_id: 7, ..keys(KeyMode::RmwZenoh) };
        let key = keys.publish_key(keys.object_pose_topic());
        assert_eq!(
            key,
            "7/object_pose/vision_msgs::msg::dds_::Detection3DArray_/\
             RIHS01_793f5eab9595ac1c0da07873cc859db42eae51f0ee76056db8562515d830e018"
        );
        let subscribed = keys.subscribe_key(keys.image_topic());
        assert_eq!(subscribed, "7/camera/front/image/sensor_msgs::msg::dds_::Image_/*");
        assert!(keys.hash_matches(keys.object_pose_topic(), &key));
        assert!(!keys.hash_matches(keys.image_topic(), "7/camera/front/image/sensor_msgs::msg::dds_::Image_/RIHS01_0"));
    }

    #[test]
    fn a_compressed_camera_has_another_type() {
        let keys = Keys { image_is_compressed: true, ..keys(KeyMode::RmwZenoh) };
        assert!(keys.subscribe_key(keys.image_topic()).contains("CompressedImage_"));
    }

    #[test]
    fn the_ros_graph_names_the_node_its_subscriptions_and_its_publishers() {
        let keys = keys(KeyMode::RmwZenoh);
        let tokens = keys.ros_graph("1a2b", "azimuth_front", &[keys.image_topic()], &[keys.object_pose_topic()]);
        let expected = [
            "@ros2_lv/0/1a2b/0/0/NN/%/%/azimuth_front".to_owned(),
            format!(
                "@ros2_lv/0/1a2b/0/1/MS/%/%/azimuth_front/%camera%front%image/sensor_msgs::msg::dds_::Image_/{}/2::,1:,:,:,,",
                MessageKind::Image.type_hash()
            ),
            format!(
                "@ros2_lv/0/1a2b/0/2/MP/%/%/azimuth_front/%object_pose/vision_msgs::msg::dds_::Detection3DArray_/{}/::,10:,:,:,,",
                MessageKind::Detection3DArray.type_hash()
            ),
        ];
        assert_eq!(tokens, expected);
    }

    #[test]
    fn names_that_are_no_plain_keys_are_told() {
        let fault = |image: &str| Keys { image: image.to_owned(), ..Default::default() }.fault().map(|(key, _)| key);
        assert_eq!(Keys::default().fault(), None);
        for name in ["", "/camera", "camera//image", "camera/", "camera/*", "camera/**", "a b", "a?b", "@a"] {
            assert_eq!(fault(name), Some("image"), "{name:?}");
        }
        assert_eq!(fault("object_pose"), Some("object_pose"), "the later of two equal names is told");
    }
}
