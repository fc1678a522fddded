import { SEGMENT_TILES } from "../../../src/storage/level/folder.ts";
import { largeStoreContract } from "../../conformance/store-large.ts";
import { levelFixture } from "../../support/level.ts";

largeStoreContract("LevelStore", () => levelFixture(SEGMENT_TILES));
